// Offsets and values: Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03. Where
// Linux is more lenient (an entry behind the end of a directory), Linux decides: it is Linux whose memory is
// put back.
#include "lib/fs/fat_mark.h"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/codec/hash.h"

namespace hib::fs {
namespace {

constexpr std::uint32_t kFirstCluster = 2;
constexpr std::uint64_t kEntryBytes = 32;           // of a directory
constexpr std::uint64_t kMaxFat12Clusters = 0xFF4;  // fs/fat/fat.h: MAX_FAT12; more are FAT16
constexpr std::uint64_t kMaxFat16Clusters = 0xFFF4;
constexpr std::uint64_t kMaxFat32Clusters = 0xFFFFFF6;
constexpr std::uint64_t kInfoBytes = 512;
constexpr std::uint64_t kPieceBytes = 1U << 20;  // of the table, read at once
constexpr std::uint64_t kWindowBytes = 4096;     // of the table, kept while chains are followed
constexpr std::size_t kStateAt16 =
    37;  // in the boot sector: FAT_STATE_DIRTY, and what Windows keeps beside it
constexpr std::size_t kStateAt32 = 65;
constexpr std::size_t kAccessDateAt = 18;  // in an entry with a short name; two bytes

struct BootSector {
  std::array<std::byte, 11> jump_and_name;
  le16 sector_bytes;
  std::uint8_t cluster_sectors;
  le16 reserved_sectors;  // before the first table
  std::uint8_t tables;
  le16 root_entries;
  le16 sectors16;
  std::uint8_t media;
  le16 table_sectors16;
  std::array<std::byte, 8> geometry;
  le32 sectors32;
  // As FAT32 goes on.
  le32 table_sectors32;
  le16 flags;
  le16 version;
  le32 root_cluster;
  le16 info_sector;
};
static_assert(sizeof(BootSector) == 50 && alignof(BootSector) == 1);

struct DirectoryEntry {
  std::array<char, 11> name;
  std::uint8_t attributes;
  std::array<std::byte, 8> times;
  le16 cluster_high;  // FAT32
  std::array<std::byte, 4> written;
  le16 cluster_low;
  le32 size;
};
static_assert(sizeof(DirectoryEntry) == kEntryBytes && alignof(DirectoryEntry) == 1);

constexpr std::uint8_t kVolumeLabel = 0x08;
constexpr std::uint8_t kDirectory = 0x10;
constexpr std::uint8_t kLongName = 0x0F;

Error wrong(const char* field, std::uint64_t offset, std::string found, std::string allowed) {
  return make_error(ErrorKind::Corrupt, std::string("FAT boot sector: ") + field, std::move(found),
                    std::move(allowed))
      .at(offset);
}

bool is_power_of_two(std::uint64_t value) { return value != 0 && (value & (value - 1)) == 0; }

Result<void> check_units(const BootSector& boot) {
  if (!is_power_of_two(boot.sector_bytes) || boot.sector_bytes < 512 || boot.sector_bytes > 4096)
    return fail(wrong("bytes in a sector", 11, std::to_string(boot.sector_bytes), "512, 1024, 2048, 4096"));
  if (!is_power_of_two(boot.cluster_sectors))
    return fail(
        wrong("sectors in a cluster", 13, std::to_string(boot.cluster_sectors), "a power of two up to 128"));
  if (boot.reserved_sectors == 0) return fail(wrong("reserved sectors", 14, "0", "at least 1"));
  if (boot.tables == 0) return fail(wrong("tables", 16, "0", "at least 1"));
  if (boot.root_entries * kEntryBytes % boot.sector_bytes != 0)
    return fail(wrong("entries of the root directory", 17, std::to_string(boot.root_entries),
                      "whole sectors of them"));
  // Bit 7: only the table in bits 0 to 3 is kept. Linux reads the first one and writes all.
  const bool is_32 = boot.table_sectors16 == 0;
  if (is_32 && (boot.flags & 0x80) != 0 && (boot.flags & 0x0F) != 0) {
    return fail(make_error(ErrorKind::Unsupported, "FAT boot sector: flags",
                           fmt::format("only table {} is kept", boot.flags & 0x0F),
                           "the first, which Linux reads")
                    .at(40));
  }
  return {};
}

std::uint64_t either(std::uint64_t value, std::uint64_t if_zero) { return value != 0 ? value : if_zero; }

unsigned bits_of(const BootSector& boot, std::uint64_t clusters) {
  if (boot.table_sectors16 == 0) return 32;
  return clusters > kMaxFat12Clusters ? 16 : 12;
}

std::uint64_t max_clusters(unsigned bits) {
  if (bits == 32) return kMaxFat32Clusters;
  return bits == 16 ? kMaxFat16Clusters : kMaxFat12Clusters;
}

}  // namespace

Result<FatLayout> fat_layout(ByteView raw) {
  Cursor cursor(raw, 0, "FAT boot sector");
  TRY(const BootSector boot, cursor.read<BootSector>("parameters"));
  TRY_OK(check_units(boot));
  // Every field has 32 bits at most and a sector 13: nothing here wraps in 64.
  const std::uint64_t sector_bytes = boot.sector_bytes;
  const std::uint64_t sectors = either(boot.sectors16, boot.sectors32);
  const std::uint64_t table_sectors = either(boot.table_sectors16, boot.table_sectors32);
  const std::uint64_t root_at = boot.reserved_sectors + boot.tables * table_sectors;
  const std::uint64_t data_at = root_at + boot.root_entries * kEntryBytes / sector_bytes;
  if (table_sectors == 0) return fail(wrong("sectors of a table", 36, "0", "at least 1"));
  if (data_at >= sectors)
    return fail(wrong("sectors", boot.sectors16 != 0 ? 19 : 32, std::to_string(sectors),
                      fmt::format("more than the {} before the first cluster", data_at)));
  std::uint64_t clusters = (sectors - data_at) / boot.cluster_sectors;
  FatLayout layout;
  layout.bits = bits_of(boot, clusters);
  clusters = std::min(clusters, table_sectors * sector_bytes * 8 / layout.bits - kFirstCluster);
  if (clusters == 0 || clusters > max_clusters(layout.bits))
    return fail(wrong("clusters", 32, std::to_string(clusters),
                      fmt::format("1 to {} of FAT{}", max_clusters(layout.bits), layout.bits)));
  layout.cluster_bytes = static_cast<std::uint32_t>(sector_bytes * boot.cluster_sectors);
  layout.end_cluster = static_cast<std::uint32_t>(clusters + kFirstCluster);
  layout.table_offset = boot.reserved_sectors * sector_bytes;
  layout.table_bytes = (std::uint64_t{layout.end_cluster} * layout.bits + 7) / 8;
  layout.root_offset = root_at * sector_bytes;
  layout.data_offset = data_at * sector_bytes;
  if (layout.bits != 32) {
    layout.root_bytes = boot.root_entries * kEntryBytes;
    return layout;
  }
  layout.root_cluster = boot.root_cluster;
  // Linux takes 0 for 1. What is not among the reserved sectors is none, and nobody writes it.
  const std::uint64_t info = either(boot.info_sector, 1);
  layout.info_offset = info < boot.reserved_sectors ? info * sector_bytes : 0;
  return layout;
}

namespace {

// The entries of the table, one after the other or anywhere: a small piece of it is in memory.
class Table {
 public:
  Table(const ReadBytes& read, const FatLayout& layout) : read_(read), layout_(layout) {}

  std::uint64_t offset_of(std::uint32_t cluster) const {
    return layout_.table_offset + std::uint64_t{cluster} * layout_.bits / 8;
  }

  // What follows a cluster below end_cluster.
  Result<std::uint32_t> next(std::uint32_t cluster) {
    const std::uint64_t at = offset_of(cluster) - layout_.table_offset;
    TRY_OK(load(at / kWindowBytes * kWindowBytes));
    Cursor cursor(ByteView(window_).subspan(static_cast<std::size_t>(at - start_)), layout_.table_offset + at,
                  "FAT");
    if (layout_.bits == 32) {
      TRY(const le32 value, cursor.read<le32>("entry"));
      return value & 0x0FFFFFFFU;
    }
    TRY(const le16 value, cursor.read<le16>("entry"));
    if (layout_.bits == 16) return std::uint32_t{value};
    return cluster % 2 == 0 ? value & 0x0FFFU : std::uint32_t{value} >> 4;
  }

  // Beyond the number that a bad cluster has (fs/fat/fatent.c: FAT_ENT_EOF).
  bool is_end(std::uint32_t value) const {
    return value >= (layout_.bits == 32 ? 0x0FFFFFF8U : layout_.bits == 16 ? 0xFFF8U : 0xFF8U);
  }

 private:
  Result<void> load(std::uint64_t start) {
    if (!window_.empty() && start == start_) return {};
    // One byte more: an entry of FAT12 may end there.
    TRY(window_, read_(layout_.table_offset + start,
                       static_cast<std::size_t>(std::min(kWindowBytes + 1, layout_.table_bytes - start))));
    start_ = start;
    return {};
  }

  const ReadBytes& read_;
  const FatLayout& layout_;
  std::vector<std::byte> window_;
  std::uint64_t start_ = 0;
};

class Mark {
 public:
  Mark(const ReadBytes& read, const FatLayout& layout) : read_(read), layout_(layout), table_(read, layout) {}

  Result<std::string> run(std::vector<std::byte> boot) {
    boot[layout_.bits == 32 ? kStateAt32 : kStateAt16] = std::byte{0};
    hasher_.update(boot);
    if (layout_.info_offset != 0) {
      TRY(const auto info, taken(layout_.info_offset, kInfoBytes));
      hasher_.update(info);
    }
    TRY_OK(add_table());
    claimed_.resize(layout_.end_cluster);
    if (layout_.bits == 32) {
      TRY_OK(open(layout_.root_cluster, 44));
    } else {
      TRY_OK(add_entries(layout_.root_offset, layout_.root_bytes));
    }
    while (!open_.empty()) {
      const std::uint32_t first = open_.front();
      open_.pop_front();
      TRY_OK(add_directory(first));
    }
    return to_hex(hasher_.digest());
  }

 private:
  // Bytes that are to be hashed.
  Result<std::vector<std::byte>> taken(std::uint64_t offset, std::uint64_t bytes) {
    if (bytes > left_)
      return fail(make_error(ErrorKind::Limit, "FAT: table and directories", "more than are hashed",
                             fmt::format("up to {} bytes", kMaxFatHashedBytes))
                      .at(offset));
    left_ -= bytes;
    return read_(offset, static_cast<std::size_t>(bytes));
  }

  Result<void> add_table() {
    if (layout_.table_bytes > left_)
      return fail(make_error(ErrorKind::Limit, "FAT: table", fmt::format("{} bytes", layout_.table_bytes),
                             fmt::format("up to {}", kMaxFatHashedBytes))
                      .at(layout_.table_offset));
    for (std::uint64_t at = 0; at < layout_.table_bytes; at += kPieceBytes) {
      TRY(auto piece, taken(layout_.table_offset + at, std::min(kPieceBytes, layout_.table_bytes - at)));
      // Entry 1 has a bit for "was unmounted" and one for "no errors" (specification, "FAT[1]"); FAT12 has
      // none.
      if (at == 0 && layout_.bits == 16) piece[3] &= std::byte{0x3F};
      if (at == 0 && layout_.bits == 32) piece[7] &= std::byte{0xF3};
      hasher_.update(piece);
    }
    return {};
  }

  // A cluster belongs to one directory, once. `said_at`: where its number stands.
  Result<void> claim(std::uint32_t cluster, std::uint64_t said_at) {
    const bool is_inside = cluster >= kFirstCluster && cluster < layout_.end_cluster;
    if (!is_inside)
      return fail(make_error(ErrorKind::Corrupt, "FAT: cluster of a directory", hex(cluster),
                             fmt::format("{} to {}", hex(kFirstCluster), hex(layout_.end_cluster - 1)))
                      .at(said_at));
    if (claimed_[cluster])
      return fail(make_error(ErrorKind::Corrupt, "FAT: cluster of a directory",
                             hex(cluster) + " for the second time", "a cluster of its own")
                      .at(said_at));
    claimed_[cluster] = true;
    return {};
  }

  Result<void> open(std::uint32_t first, std::uint64_t said_at) {
    if (++directories_ > kMaxFatDirectories)
      return fail(make_error(ErrorKind::Limit, "FAT: directories", "more than are hashed",
                             fmt::format("up to {}", kMaxFatDirectories))
                      .at(said_at));
    TRY_OK(claim(first, said_at));
    open_.push_back(first);
    return {};
  }

  Result<void> add_directory(std::uint32_t cluster) {
    for (;;) {
      TRY_OK(add_entries(layout_.data_offset + std::uint64_t{cluster - kFirstCluster} * layout_.cluster_bytes,
                         layout_.cluster_bytes));
      TRY(const std::uint32_t next, table_.next(cluster));
      if (table_.is_end(next)) return {};
      TRY_OK(claim(next, table_.offset_of(cluster)));
      cluster = next;
    }
  }

  Result<void> add_entries(std::uint64_t offset, std::uint64_t bytes) {
    TRY(auto raw, taken(offset, bytes));
    for (std::size_t at = 0; at + kEntryBytes <= raw.size(); at += kEntryBytes) {
      Cursor cursor(ByteView(raw).subspan(at, kEntryBytes), offset + at, "FAT directory entry");
      TRY(const DirectoryEntry entry, cursor.read<DirectoryEntry>("entry"));
      if (entry.attributes == kLongName) continue;
      raw[at + kAccessDateAt] = raw[at + kAccessDateAt + 1] = std::byte{0};
      if (!is_directory(entry)) continue;
      const std::uint32_t high = layout_.bits == 32 ? std::uint32_t{entry.cluster_high} << 16 : 0;
      TRY_OK(open(high | entry.cluster_low, offset + at));
    }
    hasher_.update(raw);
    return {};
  }

  // Linux does not stop at the first entry whose name begins with 0, so neither does this.
  static bool is_directory(const DirectoryEntry& entry) {
    if (entry.name[0] == '\0' || entry.name[0] == '\xE5') return false;
    const std::string_view name(entry.name.data(), entry.name.size());
    if (name == ".          " || name == "..         ") return false;
    return (entry.attributes & kDirectory) != 0 && (entry.attributes & kVolumeLabel) == 0;
  }

  const ReadBytes& read_;
  const FatLayout& layout_;
  Table table_;
  Hasher128 hasher_;
  std::uint64_t left_ = kMaxFatHashedBytes;
  std::vector<bool> claimed_;       // by cluster
  std::deque<std::uint32_t> open_;  // first clusters of directories
  std::size_t directories_ = 0;
};

}  // namespace

Result<std::string> fat_mark(const ReadBytes& read) {
  TRY(auto boot, read(0, kFatBootBytes));
  TRY(const FatLayout layout, fat_layout(boot));
  return Mark(read, layout).run(std::move(boot));
}

}  // namespace hib::fs
