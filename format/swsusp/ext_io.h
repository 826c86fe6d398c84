// libext2fs over a File: an ext file system is read where it lies, also behind an NBD server.
#pragma once

#include <cstdint>

#include "lib/os/file.h"

struct struct_ext2_filsys;

namespace hib::swsusp {

// An open file system; null when there is none at `base` bytes of the file. `file` must outlive it.
class ExtFileSystem {
 public:
  ExtFileSystem(const File& file, std::uint64_t base);
  ~ExtFileSystem();
  ExtFileSystem(const ExtFileSystem&) = delete;
  ExtFileSystem& operator=(const ExtFileSystem&) = delete;

  struct_ext2_filsys* get() const { return fs_; }

 private:
  struct_ext2_filsys* fs_ = nullptr;
};

}  // namespace hib::swsusp
