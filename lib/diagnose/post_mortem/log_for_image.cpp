#include "lib/diagnose/post_mortem/log_for_image.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/log.h"

namespace hib::diagnose {

Error with_hint_of_log(Error error) {
  if (error.kind != ErrorKind::NotRecognised) return error;
  LogSet logs;
  if (!read_log_file(error.file, logs) || logs.boots.empty()) return error;
  error.found = "the text of a log";
  return std::move(error).advise(fmt::format("this is a log: --log {}", shell_word(error.file)));
}

}  // namespace hib::diagnose
