// An initramfs in the "newc" format (Linux: Documentation/driver-api/early-userspace/buffer-format.rst).
//
// Written here and not by libarchive: the saver carries every library of this program, and libarchive brings
// libxml2 and ICU.
#pragma once

#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"

namespace hib::jump {

class Initramfs {
 public:
  Initramfs();
  // Paths without a leading slash; the folders above are made as needed.
  void add_file(const std::string& path, ByteView content, unsigned mode);
  void add_character_device(const std::string& path, unsigned mode, unsigned major, unsigned minor);
  // This very program as `path`, with its loader and all libraries that it uses.
  Result<void> add_this_program(const std::string& path);
  std::vector<std::byte> finish();

 private:
  void add_folders_of(const std::string& path);
  void add_entry(const std::string& path, unsigned mode, ByteView content, unsigned major, unsigned minor);

  std::vector<std::byte> bytes_;
  std::vector<std::string> folders_;
  unsigned inode_ = 0;
};

}  // namespace hib::jump
