// The block device that a swap map counts the pages of, wherever its bytes lie in the file that we have: the
// whole of it, a partition inside it, or only the blocks of one swap file.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/os/file.h"

namespace hib::swsusp {

// Where the file system says that a piece of a swap file lies on its device (bytes).
struct FileExtent {
  std::uint64_t device_offset = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t size = 0;
};

class BlockSpace {
 public:
  // Device byte 0 is file byte `base`; `size` bytes.
  BlockSpace(std::shared_ptr<const File> file, std::uint32_t page_size, std::uint64_t base,
             std::uint64_t size);
  // Only what the extents cover can be read.
  BlockSpace(std::shared_ptr<const File> file, std::uint32_t page_size, std::vector<FileExtent> extents);

  const File& file() const { return *file_; }
  std::shared_ptr<const File> file_handle() const { return file_; }
  std::uint32_t page_size() const { return page_size_; }
  std::uint64_t block_count() const { return block_count_; }  // blocks are 0 … block_count - 1

  // None when the block is not in the file.
  std::optional<std::uint64_t> file_offset(std::uint64_t block) const;

  // `out.size()` bytes from the start of the block on; consecutive blocks where that is more than a page.
  Result<void> read(std::uint64_t block, MutableBytes out) const;

  // "map page 0, block 5", "data pages, blocks 5 to 9": the numbers that messages use, for the map of the
  // file.
  static std::string label(std::string_view what, std::uint64_t block, std::uint64_t count);

  // How many blocks from `block` on lie one after the other in the file; 0 when it is not there.
  std::uint64_t contiguous(std::uint64_t block, std::uint64_t count) const;

 private:
  std::shared_ptr<const File> file_;
  std::uint32_t page_size_;
  std::uint64_t block_count_ = 0;
  std::vector<FileExtent> extents_;  // by device_offset, disjoint
};

}  // namespace hib::swsusp
