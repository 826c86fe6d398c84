// What comes as a stream, as a file: every reader needs random access. The file has no name, mode 0600, and
// is gone with the program.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/fd.h"

namespace hib {

// Where it lies: $TMPDIR, or /var/tmp, since images are larger than a tmpfs likes.
std::string spool_folder();

class Spool {
 public:
  // In spool_folder(). Errors name `what`: "standard input".
  static Result<Spool> create(std::string what);

  // Blocks of zeros become holes.
  Result<void> write(ByteView bytes);
  std::uint64_t size() const { return size_; }
  Result<Fd> finish();

 private:
  Spool(Fd fd, std::string what) : fd_(std::move(fd)), what_(std::move(what)) {}
  Fd fd_;
  std::string what_;
  std::uint64_t size_ = 0;
};

}  // namespace hib
