// Standard output as a stream that knows whether all of it arrived: std::cout forgets why it did not.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "lib/base/put_buffer.h"
#include "lib/os/pager.h"
#include "lib/os/terminal.h"

namespace hib {

// Descriptors 0, 1 and 2 that the caller has closed are given to /dev/null, such that using them is an error:
// otherwise the next file that is opened would take their number, and text would be written into it.
void occupy_closed_descriptors();

class StandardOutput final : public PutBuffer {
 public:
  StandardOutput();

  // From now on text is held back until it is longer than the screen, and then shown by a pager. What is no
  // text is not held, and neither is anything once the stream was flushed: whoever waits wants to see it.
  void page();

  // Writes what is left, waits for the pager, and closes. 0, or the errno of the first write that failed;
  // later ones were left out. That the user has left the pager is no failure.
  int finish();

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool write_out();
  void hold(std::string_view text);
  void release() { is_held_ = false; }

  std::array<char, 65536> bytes_;
  std::size_t filled_ = 0;
  bool by_lines_;  // a terminal shows each line at once
  bool is_used_ = false;
  int failure_ = 0;
  bool is_held_ = false;
  ScreenSize screen_;     // of what is held
  std::size_t rows_ = 0;  // that what is held takes
  std::size_t column_ = 0;
  std::optional<Pager> pager_;
};

}  // namespace hib
