// An existing file or block device that is changed in place: only what the format's writer means to change,
// and only when nobody else has it in use.
#pragma once

#include <memory>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/file.h"

namespace hib {

class InPlaceFile {
 public:
  // Refused when it is mounted, an active swap area, part of another device, or locked by a process (as QEMU
  // locks the images of running machines). Nothing is created.
  static Result<std::unique_ptr<InPlaceFile>> open(const std::string& path);

  Result<void> write_at(std::uint64_t offset, ByteView bytes);
  Result<void> flush();  // on stable storage when this returns
  const std::string& path() const { return path_; }

 private:
  InPlaceFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;
  std::string path_;
};

}  // namespace hib
