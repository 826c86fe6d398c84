#include "lib/os/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>

#include <cstdlib>
#include <string_view>

namespace hib {

bool is_dumb_terminal() {
  const char* term = std::getenv("TERM");
  return term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
}

ScreenSize screen_size(int fd) {
  ScreenSize found;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return found;
  if (size.ws_col > 0) found.columns = size.ws_col;
  if (size.ws_row > 0) found.rows = size.ws_row;
  found.is_known = size.ws_col > 0 && size.ws_row > 0;
  return found;
}

std::size_t terminal_columns(int fd) { return screen_size(fd).columns; }

bool speaks_utf8() {
  const locale_t locale = newlocale(LC_CTYPE_MASK, "", nullptr);
  if (locale == nullptr) return false;  // not there: libraries take the one named C
  const bool is_utf8 = std::string_view(nl_langinfo_l(CODESET, locale)) == "UTF-8";
  freelocale(locale);
  return is_utf8;
}

TextLocale::TextLocale() : locale_(newlocale(LC_CTYPE_MASK, "", nullptr)) {
  if (locale_ != nullptr) before_ = uselocale(locale_);
}

TextLocale::~TextLocale() {
  if (locale_ == nullptr) return;
  uselocale(before_);
  freelocale(locale_);
}

}  // namespace hib
