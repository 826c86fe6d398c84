#include "lib/fs/super_block.h"

#include <fmt/format.h>

namespace hib::fs {
namespace {

template <typename T>
std::uint64_t get(ByteView bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

std::uint64_t byte_at(ByteView bytes, std::size_t offset) {
  return std::to_integer<std::uint64_t>(bytes[offset]);
}

std::string uuid_at(ByteView bytes, std::size_t offset) {
  std::string text;
  for (std::size_t i = 0; i < 16; ++i)
    text +=
        fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", byte_at(bytes, offset + i));
  return text;
}

constexpr std::size_t kExtLogBlockSize = 24;  // u32, at most 6
constexpr std::size_t kExtMount = 44;         // s_mtime, u32
constexpr std::size_t kExtWrite = 48;         // s_wtime, u32
constexpr std::size_t kExtMountCount = 52;    // u16
constexpr std::size_t kExtMagic = 56;         // u16, 0xEF53
constexpr std::size_t kExtLastCheck = 64;     // u32
constexpr std::size_t kExtRevision = 76;      // u32, 0 or 1
constexpr std::size_t kExtUuid = 104;
constexpr std::size_t kExtWriteHigh = 0x274;  // u8: bits 32 to 39 of the time
constexpr std::size_t kExtMountHigh = 0x275;
constexpr std::size_t kExtCheckHigh = 0x277;

constexpr std::size_t kBtrfsUuid = 32;
constexpr std::size_t kBtrfsMagic = 64;
constexpr std::size_t kBtrfsGeneration = 72;

constexpr std::size_t kXfsUuid = 32;
constexpr std::size_t kXfsLogStart =
    48;  // be64, a block of an allocation group; 0: the log is on another device
constexpr std::size_t kXfsAgBlocks = 84;     // be32
constexpr std::size_t kXfsAgCount = 88;      // be32
constexpr std::size_t kXfsLogBlocks = 96;    // be32
constexpr std::size_t kXfsBlockLog = 120;    // u8, 9 to 16
constexpr std::size_t kXfsAgBlockLog = 124;  // u8
constexpr unsigned kSectorLog = 9;

constexpr std::size_t kLogCycle = 4;      // be32
constexpr std::size_t kLogVersion = 8;    // be32, 1 or 2
constexpr std::size_t kLogLength = 12;    // be32, bytes of content
constexpr std::size_t kLogSequence = 16;  // be64: cycle and sector
constexpr std::size_t kLogPrevious = 36;  // be32
constexpr std::size_t kLogUuid = 304;
constexpr std::size_t kLogSize = 320;  // be32, of the buffer; a header for each 32 KiB of it
constexpr std::uint64_t kLogPieceBytes = 32768;
constexpr std::uint64_t kMaxLogBufferBytes = 1 << 20;

constexpr std::uint64_t kF2fsMagic = 0xF2F52010;
constexpr std::size_t kF2fsLogBlockSize = 16;  // le32
constexpr std::size_t kF2fsLogSegment = 20;    // le32, blocks of a segment
constexpr std::size_t kF2fsCheckpoint = 76;    // le32, a block
constexpr std::size_t kF2fsUuid = 108;

// Allocation groups are numbered in the upper bits of a block's number (XFS_FSB_TO_DADDR).
void place_log(ByteView bytes, XfsSuperBlock& block) {
  const std::uint64_t start = get<be64>(bytes, kXfsLogStart);
  block.log_is_external = start == 0;
  const std::uint64_t block_log = byte_at(bytes, kXfsBlockLog);
  const std::uint64_t group_log = byte_at(bytes, kXfsAgBlockLog);
  if (start == 0 || block_log < kSectorLog || block_log > 16 || group_log > 31) return;
  const std::uint64_t group = start >> group_log;
  const std::uint64_t in_group = start & ((std::uint64_t{1} << group_log) - 1);
  if (group >= get<be32>(bytes, kXfsAgCount) || in_group >= get<be32>(bytes, kXfsAgBlocks)) return;
  // Both factors are below 2^32 and a block has at most 2^16 bytes: checked before it is shifted.
  const std::uint64_t at = group * get<be32>(bytes, kXfsAgBlocks) + in_group;
  if (at >= std::uint64_t{1} << (63 - block_log)) return;
  block.log_offset = at << block_log;
  block.log_sectors = get<be32>(bytes, kXfsLogBlocks) << (block_log - kSectorLog);
}

}  // namespace

std::optional<ExtSuperBlock> ext_super_block(ByteView bytes) {
  if (bytes.size() < ExtSuperBlock::kBytes || get<le16>(bytes, kExtMagic) != 0xEF53 ||
      get<le32>(bytes, kExtRevision) > 1 || get<le32>(bytes, kExtLogBlockSize) > 6)
    return std::nullopt;
  ExtSuperBlock block;
  block.uuid = uuid_at(bytes, kExtUuid);
  block.mount_time = get<le32>(bytes, kExtMount) | byte_at(bytes, kExtMountHigh) << 32;
  block.write_time = get<le32>(bytes, kExtWrite) | byte_at(bytes, kExtWriteHigh) << 32;
  block.check_time = get<le32>(bytes, kExtLastCheck) | byte_at(bytes, kExtCheckHigh) << 32;
  block.mount_count = get<le16>(bytes, kExtMountCount);
  return block;
}

std::optional<BtrfsSuperBlock> btrfs_super_block(ByteView bytes) {
  if (bytes.size() < 128 || as_text(bytes.subspan(kBtrfsMagic, 8)) != "_BHRfS_M") return std::nullopt;
  return BtrfsSuperBlock{uuid_at(bytes, kBtrfsUuid), get<le64>(bytes, kBtrfsGeneration)};
}

std::optional<XfsSuperBlock> xfs_super_block(ByteView bytes) {
  if (bytes.size() < 256 || as_text(bytes.first(4)) != "XFSB") return std::nullopt;
  XfsSuperBlock block;
  block.uuid = uuid_at(bytes, kXfsUuid);
  place_log(bytes, block);
  return block;
}

std::optional<XfsLogRecord> xfs_log_record(ByteView bytes) {
  if (bytes.size() < XfsLogRecord::kBytes || get<be32>(bytes, 0) != kXfsLogMagic) return std::nullopt;
  const std::uint64_t version = get<be32>(bytes, kLogVersion);
  const std::uint64_t length = get<be32>(bytes, kLogLength);
  const std::uint64_t size = get<be32>(bytes, kLogSize);
  if (version < 1 || version > 2 || length > kMaxLogBufferBytes || size > kMaxLogBufferBytes)
    return std::nullopt;
  const std::uint64_t sequence = get<be64>(bytes, kLogSequence);
  const std::uint64_t headers =
      version == 2 ? std::max<std::uint64_t>(1, round_up(size, kLogPieceBytes) / kLogPieceBytes) : 1;
  XfsLogRecord record;
  record.uuid = uuid_at(bytes, kLogUuid);
  record.cycle = get<be32>(bytes, kLogCycle);
  record.previous = get<be32>(bytes, kLogPrevious);
  record.sectors = headers + round_up(length, kSectorBytes) / kSectorBytes;
  record.own_cycle = sequence >> 32;
  record.own_sector = sequence & 0xFFFFFFFF;
  return record;
}

std::optional<F2fsSuperBlock> f2fs_super_block(ByteView bytes) {
  if (bytes.size() < 128 || get<le32>(bytes, 0) != kF2fsMagic || get<le32>(bytes, kF2fsLogBlockSize) != 12 ||
      get<le32>(bytes, kF2fsLogSegment) > 16)
    return std::nullopt;
  F2fsSuperBlock block;
  block.uuid = uuid_at(bytes, kF2fsUuid);
  block.checkpoint_offset = get<le32>(bytes, kF2fsCheckpoint) * F2fsSuperBlock::kBlockBytes;
  block.segment_bytes = F2fsSuperBlock::kBlockBytes << get<le32>(bytes, kF2fsLogSegment);
  return block;
}

}  // namespace hib::fs
