#include "lib/diagnose/log/log.h"

namespace hib::diagnose {

Result<void> read_journal(const std::string& folder, LogSet&) {
  return fail(make_error(ErrorKind::Unsupported, "journal", folder));
}

}  // namespace hib::diagnose
