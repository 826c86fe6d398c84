#include "lib/report/style.h"

#include <unistd.h>

#include <cstdlib>

#include "lib/os/terminal.h"

namespace hib::report {

Style::Style(bool terminal, Colours colours)
    : terminal_(terminal), on_(colours == Colours::Always), columns_(terminal_columns(STDOUT_FILENO)) {
  if (colours != Colours::Auto) return;
  const char* no_color = std::getenv("NO_COLOR");
  on_ = terminal && (no_color == nullptr || *no_color == '\0') && !is_dumb_terminal();
}

std::string Style::wrap(const char* code, const std::string& text) const {
  return on_ ? std::string("\033[") + code + "m" + text + "\033[0m" : text;
}

}  // namespace hib::report
