// Pieces of a device that together hold something: a file's blocks, or a device but for its first page.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/error.h"

namespace hib {

class File;

struct DeviceRange {
  std::uint64_t start = 0;  // bytes, on the device
  std::uint64_t bytes = 0;

  // In place of `start`: bytes that lie nowhere.
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};

  std::uint64_t end() const { return start + bytes; }
};

// Byte N of what lies in the extents, one after the other, as a byte of the device.
class ExtentMap {
 public:
  explicit ExtentMap(std::vector<DeviceRange> extents);

  std::uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }
  // From `offset`, less than size(), up to the end of its extent. `start` is kNowhere inside a gap.
  DeviceRange from(std::uint64_t offset) const;

 private:
  std::vector<DeviceRange> extents_;
  std::vector<std::uint64_t> ends_;  // of each extent, in bytes of what lies there
};

// Where a file of a mounted file system lies on the device below it (FIEMAP).
struct FilePiece {
  std::uint64_t device_offset = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t bytes = 0;
  bool is_shared = false;  // with another file or an earlier state of this one
};

// Ascending by file_offset. What has no place yet, or no plain one (compressed, inside an inode), is left
// out.
Result<std::vector<FilePiece>> file_pieces(const File& file);

}  // namespace hib
