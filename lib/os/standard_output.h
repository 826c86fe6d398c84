// Standard output as a stream that knows whether all of it arrived: std::cout forgets why it did not.
#pragma once

#include <array>
#include <streambuf>

namespace hib {

// Descriptors 0, 1 and 2 that the caller has closed are given to /dev/null, such that using them is an error:
// otherwise the next file that is opened would take their number, and text would be written into it.
void occupy_closed_descriptors();

class StandardOutput final : public std::streambuf {
 public:
  StandardOutput();

  // Writes what is left, and closes. 0, or the errno of the first write that failed; later ones were left
  // out.
  int finish();

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  bool write_out();

  std::array<char, 65536> bytes_;
  std::size_t filled_ = 0;
  bool by_lines_;  // a terminal shows each line at once
  bool is_used_ = false;
  int failure_ = 0;
};

}  // namespace hib
