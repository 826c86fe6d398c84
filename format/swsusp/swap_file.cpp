#include "format/swsusp/swap_file.h"

#include <algorithm>

#include "format/swsusp/ext_io.h"
#include "format/swsusp/header.h"
#include "lib/os/cancel.h"
#include "lib/os/extents.h"

#include <ext2fs/ext2fs.h>  // last: 1.47.2 (Debian 13) defines a macro "clamp", which <algorithm> would stumble over
#undef clamp

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kSmallestSwapFile = 10 * 4096;  // mkswap's limit
constexpr std::size_t kMaxSwapFiles = 64;
constexpr std::size_t kMaxExtents = 1U << 20;

struct InodeScan {
  ext2_inode_scan scan = nullptr;
  ~InodeScan() {
    if (scan != nullptr) ext2fs_close_inode_scan(scan);
  }
};

bool begins_with_swap_header(const File& file, std::uint64_t offset) {
  if (offset >= file.size()) return false;
  const auto head = file.read_at(offset, std::min<std::uint64_t>(65536, file.size() - offset));
  return head && find_header(*head).has_value();
}

// Block by block; neighbours are joined.
std::vector<FileExtent> extents_of(ext2_filsys fs, ext2_ino_t number, ext2_inode& inode) {
  std::vector<FileExtent> extents;
  const std::uint64_t block_bytes = fs->blocksize;
  const std::uint64_t count =
      std::min<std::uint64_t>(EXT2_I_SIZE(&inode) / block_bytes, ext2fs_blocks_count(fs->super));
  for (std::uint64_t i = 0; i < count && extents.size() < kMaxExtents && !cancelled(); ++i) {
    blk64_t block = 0;
    if (ext2fs_bmap2(fs, number, &inode, nullptr, 0, i, nullptr, &block) != 0 || block == 0) continue;
    const bool joins = !extents.empty() &&
                       extents.back().device_offset + extents.back().size == block * block_bytes &&
                       extents.back().file_offset + extents.back().size == i * block_bytes;
    if (joins) {
      extents.back().size += block_bytes;
    } else {
      extents.push_back({block * block_bytes, i * block_bytes, block_bytes});
    }
  }
  return extents;
}

}  // namespace

std::vector<SwapFile> find_swap_files(const File& file, std::uint64_t base) {
  std::vector<SwapFile> found;
  const ExtFileSystem system(file, base);
  if (system.get() == nullptr) return found;
  InodeScan inodes;
  if (ext2fs_open_inode_scan(system.get(), 0, &inodes.scan) != 0) return found;
  ext2_ino_t number = 0;
  ext2_inode inode{};
  while (!cancelled() && found.size() < kMaxSwapFiles &&
         ext2fs_get_next_inode(inodes.scan, &number, &inode) == 0 && number != 0) {
    const std::uint64_t size = EXT2_I_SIZE(&inode);
    if (inode.i_links_count == 0 || !LINUX_S_ISREG(inode.i_mode) || size < kSmallestSwapFile) continue;
    blk64_t block = 0;
    if (ext2fs_bmap2(system.get(), number, &inode, nullptr, 0, 0, nullptr, &block) != 0 || block == 0)
      continue;
    const auto first_byte = checked_mul<std::uint64_t>(block, system.get()->blocksize);
    const auto offset = first_byte ? checked_add(base, *first_byte) : std::nullopt;
    if (offset && begins_with_swap_header(file, *offset))
      found.push_back({number, *first_byte, extents_of(system.get(), number, inode)});
  }
  return found;
}

std::optional<std::vector<FileExtent>> swap_file_extents(const File& file) {
  const auto pieces = file_pieces(file);
  if (!pieces || pieces->empty()) return std::nullopt;
  std::vector<FileExtent> extents;
  for (const FilePiece& piece : *pieces)
    extents.push_back({piece.device_offset, piece.file_offset, piece.bytes});
  return extents;
}

}  // namespace hib::swsusp
