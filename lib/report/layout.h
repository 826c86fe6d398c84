// Text for people, as their terminal and their character set can show it.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/put_buffer.h"

namespace hib::report {

struct Screen {
  std::size_t columns = 0;  // lines are broken at blanks to fit; 0: they are left as they are
  bool has_utf8 = true;     // the locale's character set; without it all that is printed is ASCII
};

// Columns that a text takes on the terminal: none for escape sequences, two for a wide character.
std::size_t width_of(std::string_view text);

// The text, or as much of its beginning as has room in so many columns with "…" behind it.
std::string cut_to(std::string_view text, std::size_t columns);

// Words, as many as have room in each line; a word that has none stays whole.
std::vector<std::string> lines_of_words(const std::string& text, std::size_t columns);

// A line, without its end, broken where it is too long: in its last column of text, whose start the lines
// below keep to. Escape sequences have no width. A command of hibtool's stays whole, to be copied; its
// comment goes above it.
std::string laid_out(std::string_view line, const Screen& screen);

// "…" as "...", everything else that is not ASCII as its bytes, "\xc3\xb6".
std::string in_ascii(std::string_view text);

// A stream of such text. Each line is laid out when its end is there; the destructor writes what is left.
class LaidOut final : public std::ostream {
 public:
  LaidOut(std::ostream& below, const Screen& screen);

 private:
  class Lines final : public PutBuffer {
   public:
    Lines(std::ostream& below, const Screen& screen) : below_(below), screen_(screen) {}
    ~Lines() override;
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;

   protected:
    std::streamsize xsputn(const char* text, std::streamsize size) override;
    int sync() override;

   private:
    void end_line();

    std::ostream& below_;
    Screen screen_;
    std::string line_;
  };
  Lines lines_;
};

}  // namespace hib::report
