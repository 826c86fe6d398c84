#include "lib/fs/marks.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/codec/crc32.h"
#include "lib/fs/fat_mark.h"

namespace hib::fs {
namespace {

constexpr std::uint64_t kMaxLogSectors = 1ULL << 32;  // 2 TiB; mkfs makes 2 GiB at most

template <typename T>
std::uint64_t number_at(ByteView bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// The first sector of [low, high) whose cycle differs from `cycle`; sectors of that cycle come first.
Result<std::uint64_t> first_of_another(const std::function<Result<std::uint32_t>(std::uint64_t)>& cycle_of,
                                       std::uint32_t cycle, std::uint64_t low, std::uint64_t high) {
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    TRY(const std::uint32_t found, cycle_of(middle));
    if (found == cycle) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// ---- f2fs: struct f2fs_checkpoint

constexpr std::size_t kPackVersion = 0;       // le64
constexpr std::size_t kPackBlocks = 136;      // le32: blocks of the pack; the last one repeats the first
constexpr std::size_t kPackChecksumAt = 164;  // le32
constexpr std::size_t kMaxChecksumAt = F2fsSuperBlock::kBlockBytes - 4;
constexpr std::size_t kMinChecksumAt = 192;  // behind the fields of the checkpoint

// The kernel's crc32_le() begun with the magic number and without the inversion at the end; ours is zlib's.
std::uint32_t f2fs_checksum(ByteView block, std::size_t at) {
  constexpr std::uint32_t kSeed = 0xF2F52010;
  std::uint32_t sum = crc32(~kSeed, block.first(at));
  if (at < kMaxChecksumAt) sum = crc32(sum, block.subspan(at + 4));
  return ~sum;
}

Result<std::vector<std::byte>> checked_block(const ReadBytes& read, std::uint64_t offset) {
  TRY(auto block, read(offset, F2fsSuperBlock::kBlockBytes));
  const std::uint64_t at = number_at<le32>(block, kPackChecksumAt);
  if (at < kMinChecksumAt || at > kMaxChecksumAt)
    return fail(
        make_error(ErrorKind::Corrupt, "f2fs checkpoint: checksum_offset", std::to_string(at), "192 to 4092")
            .at(offset));
  if (number_at<le32>(block, at) != f2fs_checksum(block, at))
    return fail(make_error(ErrorKind::Corrupt, "f2fs checkpoint", "a wrong checksum").at(offset));
  return block;
}

Result<std::uint64_t> pack_version(const ReadBytes& read, std::uint64_t offset, std::uint64_t max_blocks) {
  TRY(const auto first, checked_block(read, offset));
  const std::uint64_t blocks = number_at<le32>(first, kPackBlocks);
  if (blocks < 2 || blocks > max_blocks)
    return fail(make_error(ErrorKind::Corrupt, "f2fs checkpoint: blocks", std::to_string(blocks),
                           fmt::format("2 to {}", max_blocks))
                    .at(offset));
  TRY(const auto last, checked_block(read, offset + (blocks - 1) * F2fsSuperBlock::kBlockBytes));
  if (number_at<le64>(first, kPackVersion) != number_at<le64>(last, kPackVersion))
    return fail(
        make_error(ErrorKind::Corrupt, "f2fs checkpoint", "begin and end of different versions").at(offset));
  return number_at<le64>(first, kPackVersion);
}

// ---- the marks of each type

Marks unreadable(const Error& error) { return {{kUnreadable, error.line()}}; }
Marks unreadable(const std::string& why) { return {{kUnreadable, why}}; }

Marks ext_marks(const ReadBytes& read) {
  const auto raw = read(ExtSuperBlock::kOffset, ExtSuperBlock::kBytes);
  if (!raw) return unreadable(raw.error());
  const auto block = ext_super_block(*raw);
  if (!block) return unreadable("no ext superblock where it should be");
  return {{kMountTime, std::to_string(block->mount_time)},
          {kWriteTime, std::to_string(block->write_time)},
          {kCheckTime, std::to_string(block->check_time)},
          {kMountCount, std::to_string(block->mount_count)}};
}

Marks btrfs_marks(const ReadBytes& read) {
  const auto raw = read(BtrfsSuperBlock::kOffset, BtrfsSuperBlock::kBytes);
  if (!raw) return unreadable(raw.error());
  const auto block = btrfs_super_block(*raw);
  if (!block) return unreadable("no btrfs superblock where it should be");
  return {{kGeneration, std::to_string(block->generation)}};
}

Marks xfs_marks(const ReadBytes& read) {
  const auto raw = read(XfsSuperBlock::kOffset, XfsSuperBlock::kBytes);
  if (!raw) return unreadable(raw.error());
  const auto block = xfs_super_block(*raw);
  if (!block) return unreadable("no XFS superblock where it should be");
  const auto head = xfs_log_head(read, *block);
  if (!head) return unreadable(head.error());
  return {{kLogHead, fmt::format("{}:{}", head->cycle, head->sector)}};
}

Marks f2fs_marks(const ReadBytes& read) {
  const auto raw = read(F2fsSuperBlock::kOffset, F2fsSuperBlock::kBytes);
  if (!raw) return unreadable(raw.error());
  const auto block = f2fs_super_block(*raw);
  if (!block) return unreadable("no f2fs superblock where it should be");
  const auto version = f2fs_checkpoint_version(read, *block);
  if (!version) return unreadable(version.error());
  return {{kGeneration, std::to_string(*version)}};
}

Marks fat_marks(const ReadBytes& read) {
  const auto mark = fat_mark(read);
  if (!mark) return unreadable(mark.error());
  return {{kDirectories, *mark}};
}

bool is_one_of(const std::string& type, std::initializer_list<const char*> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return type == name; });
}

}  // namespace

Result<XfsLogHead> xfs_log_head(const ReadBytes& read, const XfsSuperBlock& block) {
  if (block.log_is_external) return fail(make_error(ErrorKind::Unsupported, "XFS log", "on another device"));
  if (block.log_offset == 0 || block.log_sectors == 0 || block.log_sectors > kMaxLogSectors) {
    return fail(make_error(ErrorKind::Corrupt, "XFS superblock: log",
                           fmt::format("{} sectors at {}", block.log_sectors, hex(block.log_offset)),
                           "inside the device"));
  }
  const std::function<Result<std::uint32_t>(std::uint64_t)> cycle_of =
      [&](std::uint64_t sector) -> Result<std::uint32_t> {
    TRY(const auto bytes, read(block.log_offset + sector * kSectorBytes, kSectorBytes));
    // A record's header carries the magic in the first word and the cycle in the second.
    return static_cast<std::uint32_t>(
        number_at<be32>(bytes, number_at<be32>(bytes, 0) == kXfsLogMagic ? 4 : 0));
  };
  TRY(const std::uint32_t first, cycle_of(0));
  TRY(const std::uint32_t last, cycle_of(block.log_sectors - 1));
  // All of one pass: it ends at the end. Otherwise this pass goes up to where the one before (or nothing, 0)
  // is still seen.
  if (first == last) return XfsLogHead{first, first == 0 ? 0 : block.log_sectors};
  TRY(const std::uint64_t head, first_of_another(cycle_of, first, 0, block.log_sectors - 1));
  return XfsLogHead{first, head};
}

Result<std::uint64_t> f2fs_checkpoint_version(const ReadBytes& read, const F2fsSuperBlock& block) {
  const std::uint64_t max_blocks = block.segment_bytes / F2fsSuperBlock::kBlockBytes;
  const auto first = pack_version(read, block.checkpoint_offset, max_blocks);
  const auto second = pack_version(read, block.checkpoint_offset + block.segment_bytes, max_blocks);
  if (!first && !second) return fail(first.error());
  if (!first) return *second;
  if (!second) return *first;
  return static_cast<std::int64_t>(*first - *second) > 0 ? *first : *second;  // they wrap (ver_after)
}

Marks file_system_marks(const File& file, const std::string& type) {
  const ReadBytes read = [&](std::uint64_t offset, std::size_t bytes) { return file.read_at(offset, bytes); };
  if (is_one_of(type, {"ext2", "ext3", "ext4"})) return ext_marks(read);
  if (is_one_of(type, {"exfat", "ntfs", "swap", "iso9660", "squashfs", "erofs"})) return {{"MARK", "none"}};
  if (type == "vfat") return fat_marks(read);
  // These write past the cache of the device, which may hold what was there before.
  if (is_one_of(type, {"btrfs", "xfs", "f2fs"})) file.drop_cache();
  if (type == "btrfs") return btrfs_marks(read);
  if (type == "xfs") return xfs_marks(read);
  if (type == "f2fs") return f2fs_marks(read);
  return {};
}

}  // namespace hib::fs
