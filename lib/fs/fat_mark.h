// Tells whether a FAT file system was written. FAT keeps no time or count of writes, but every write through
// a driver changes the table or a directory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "lib/base/error.h"
#include "lib/fs/marks.h"

namespace hib::fs {

// FAT12, FAT16 or FAT32, as fs/fat/inode.c (fat_read_bpb, fat_fill_super) takes the boot sector, in units
// that need no further checks: what lies where is a multiplication of two numbers that were checked.
struct FatLayout {
  unsigned bits = 0;  // 12, 16, 32: of an entry of the table
  std::uint32_t cluster_bytes = 0;
  std::uint64_t table_offset = 0;  // of the first copy, the one that Linux reads
  std::uint64_t table_bytes = 0;   // entries of clusters that there are
  std::uint64_t info_offset = 0;   // FAT32's FSInfo sector; 0 where there is none
  std::uint64_t root_offset = 0;   // FAT12, FAT16: the root directory
  std::uint64_t root_bytes = 0;
  std::uint32_t root_cluster = 0;  // FAT32
  std::uint64_t data_offset = 0;   // of cluster 2
  std::uint32_t end_cluster = 0;   // the last cluster's number + 1
};
inline constexpr std::size_t kFatBootBytes = 512;
Result<FatLayout> fat_layout(ByteView boot);

inline constexpr std::uint64_t kMaxFatHashedBytes = 32U << 20;
inline constexpr std::size_t kMaxFatDirectories = 65536;

// XXH3-128 in hexadecimal over the boot sector, FSInfo, the first table and every cluster of every directory,
// breadth first from the root. Left out is what changes without a write: the state byte of the boot sector
// and the two flags in the table's entry 1 (set while it is mounted), and the days of the last access in
// directories (reading sets them).
//
// An error says where: a chain that leaves the table, comes back or meets another directory's, what is past
// the end of the device, and more to hash than the limits above.
Result<std::string> fat_mark(const ReadBytes& read);

}  // namespace hib::fs
