// What a terminal can do.
#pragma once

#include <locale.h>

#include <cstddef>

namespace hib {

// By TERM. On a serial console or in a recorded session, what is drawn over itself floods it, and colours are
// noise.
bool is_dumb_terminal();

struct ScreenSize {
  std::size_t columns = 80;  // where it does not say
  std::size_t rows = 24;
  bool is_known = false;  // a serial line says nothing of what is at its other end
};
ScreenSize screen_size(int fd);
std::size_t terminal_columns(int fd);

// The user's locale has the character set UTF-8.
bool speaks_utf8();

// The user's character set, in this thread, as long as the object lives: for what measures or takes apart
// text.
class TextLocale {
 public:
  TextLocale();
  ~TextLocale();
  TextLocale(const TextLocale&) = delete;
  TextLocale& operator=(const TextLocale&) = delete;

 private:
  locale_t locale_;
  locale_t before_ = nullptr;
};

}  // namespace hib
