#include "lib/report/style.h"

#include <cstdlib>
#include <cstring>

namespace hib::report {

Style::Style(bool terminal) : terminal_(terminal) {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  on_ = terminal && (no_color == nullptr || *no_color == '\0') &&
        (term == nullptr || std::strcmp(term, "dumb") != 0);
}

std::string Style::wrap(const char* code, const std::string& text) const {
  return on_ ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
}

}  // namespace hib::report
