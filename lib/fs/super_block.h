// Superblocks, as far as they tell which file system it is and whether it was written since. From the bytes
// of a device or of a page in an image's memory, which may be anybody's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/bytes.h"

namespace hib::fs {

inline constexpr std::size_t kSectorBytes = 512;

// ext2, ext3, ext4: fs/ext4/ext4.h, struct ext4_super_block.
struct ExtSuperBlock {
  static constexpr std::size_t kOffset = 1024;  // on the device
  static constexpr std::size_t kBytes = 1024;
  std::string uuid;
  std::uint64_t mount_time = 0;  // seconds since 1970
  std::uint64_t write_time = 0;
  std::uint64_t check_time = 0;
  std::uint64_t mount_count = 0;
};
std::optional<ExtSuperBlock> ext_super_block(ByteView bytes);

// fs/btrfs, struct btrfs_super_block.
struct BtrfsSuperBlock {
  static constexpr std::size_t kOffset = 65536;
  static constexpr std::size_t kBytes = 4096;
  std::string uuid;
  std::uint64_t generation = 0;
};
std::optional<BtrfsSuperBlock> btrfs_super_block(ByteView bytes);

// fs/xfs/libxfs/xfs_format.h, struct xfs_dsb; big-endian.
struct XfsSuperBlock {
  static constexpr std::size_t kOffset = 0;
  static constexpr std::size_t kBytes = 512;
  std::string uuid;
  bool log_is_external = false;
  std::uint64_t log_offset = 0;   // bytes, on the device; 0 when what the superblock says cannot be
  std::uint64_t log_sectors = 0;  // of 512 bytes
};
std::optional<XfsSuperBlock> xfs_super_block(ByteView bytes);

// The header of a record in an XFS log: fs/xfs/libxfs/xfs_log_format.h, struct xlog_rec_header; big-endian.
// The kernel builds records in a ring of buffers, and leaves the last ones there.
inline constexpr std::uint32_t kXfsLogMagic = 0xFEEDBABE;
struct XfsLogRecord {
  static constexpr std::size_t kBytes = 512;
  std::string uuid;  // of the file system
  std::uint64_t cycle = 0;
  std::uint64_t previous = 0;  // sector in the log where the record before this one begins
  std::uint64_t sectors = 0;   // of 512 bytes: header and content
  // Cycle and sector of the record itself. The kernel forgets them in memory once the record is on the disk.
  std::uint64_t own_cycle = 0;
  std::uint64_t own_sector = 0;

  bool knows_its_place() const { return own_cycle != 0; }
};
std::optional<XfsLogRecord> xfs_log_record(ByteView bytes);

// include/linux/f2fs_fs.h, struct f2fs_super_block.
struct F2fsSuperBlock {
  static constexpr std::size_t kOffset = 1024;
  static constexpr std::size_t kBytes = 512;
  static constexpr std::size_t kBlockBytes = 4096;
  std::string uuid;
  std::uint64_t checkpoint_offset = 0;  // bytes, of the first pack
  std::uint64_t segment_bytes = 0;      // the second pack lies this far behind the first
};
std::optional<F2fsSuperBlock> f2fs_super_block(ByteView bytes);

}  // namespace hib::fs
