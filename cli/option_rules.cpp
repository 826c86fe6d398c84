#include "cli/option_rules.h"

namespace hib::cli {

Result<void> only_with(const CLI::App& verb, const char* needed, OptionNames options) {
  if (verb.count(needed) > 0) return {};
  for (const char* option : options) {
    if (verb.count(option) == 0) continue;
    return fail(
        make_error(ErrorKind::Usage, option, std::string("without ") + needed, std::string(needed) + " too"));
  }
  return {};
}

Result<void> not_with(const CLI::App& verb, const char* option, OptionNames others) {
  if (verb.count(option) == 0) return {};
  for (const char* other : others) {
    if (verb.count(other) == 0) continue;
    return fail(
        make_error(ErrorKind::Usage, option, std::string("together with ") + other, "one of the two"));
  }
  return {};
}

}  // namespace hib::cli
