#include "lib/os/extents.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "lib/os/file.h"

namespace hib {
namespace {

constexpr std::size_t kMaxPieces = 1U << 20;
constexpr std::uint32_t kPiecesPerCall = 512;
constexpr std::uint32_t kNoPlace =
    FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC | FIEMAP_EXTENT_ENCODED | FIEMAP_EXTENT_DATA_INLINE;

}  // namespace

ExtentMap::ExtentMap(std::vector<DeviceRange> extents) : extents_(std::move(extents)) {
  std::uint64_t end = 0;
  for (const DeviceRange& extent : extents_) ends_.push_back(end += extent.bytes);
}

DeviceRange ExtentMap::from(std::uint64_t offset) const {
  const auto i =
      static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin());
  const std::uint64_t left = ends_[i] - offset;
  if (extents_[i].start == DeviceRange::kNowhere) return {DeviceRange::kNowhere, left};
  return {extents_[i].end() - left, left};
}

Result<std::vector<FilePiece>> file_pieces(const File& file) {
  std::vector<FilePiece> pieces;
  std::vector<std::byte> raw(sizeof(fiemap) + kPiecesPerCall * sizeof(fiemap_extent));
  std::uint64_t from = 0;
  while (pieces.size() < kMaxPieces) {
    std::memset(raw.data(), 0, raw.size());
    auto* request = reinterpret_cast<fiemap*>(raw.data());
    request->fm_start = from;
    request->fm_length = FIEMAP_MAX_OFFSET - from;
    request->fm_flags = FIEMAP_FLAG_SYNC;
    request->fm_extent_count = kPiecesPerCall;
    if (::ioctl(file.descriptor(), FS_IOC_FIEMAP, request) != 0)
      return fail(system_error("FIEMAP", errno).of(file.path()));
    if (request->fm_mapped_extents == 0) break;
    for (std::uint32_t i = 0; i < request->fm_mapped_extents; ++i) {
      const fiemap_extent& extent = request->fm_extents[i];
      if ((extent.fe_flags & kNoPlace) == 0)
        pieces.push_back({extent.fe_physical, extent.fe_logical, extent.fe_length,
                          (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0});
      from = extent.fe_logical + extent.fe_length;
      if ((extent.fe_flags & FIEMAP_EXTENT_LAST) != 0) return pieces;
    }
  }
  return pieces;
}

}  // namespace hib
