// Swap files: where they lie in a file system, asked of the file system itself.
#pragma once

#include <optional>
#include <vector>

#include "format/swsusp/block_space.h"

namespace hib::swsusp {

struct SwapFile {
  std::uint64_t inode = 0;
  std::uint64_t first_byte = 0;  // of the file, counted from the start of the file system
  std::vector<FileExtent> extents;
};

// Files in an ext2/3/4 file system that begin with a swap header; the file system begins at file byte `base`
// and is not mounted for this. Empty when it cannot be read.
std::vector<SwapFile> find_swap_files(const File& file, std::uint64_t base);

// Where the blocks of `file`, itself a swap file, lie on the device of its mounted file system (FIEMAP).
std::optional<std::vector<FileExtent>> swap_file_extents(const File& file);

}  // namespace hib::swsusp
