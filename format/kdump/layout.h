// kdump-compressed dumps, 64-bit little-endian (makedumpfile: diskdump_mod.h, IMPLEMENTATION).
#pragma once

#include "lib/base/bytes.h"

namespace hib::kdump {

inline constexpr char kSignature[] = "KDUMP   ";
inline constexpr char kOldSignature[] = "DISKDUMP";
inline constexpr std::uint32_t kStatusIncomplete = 0x8;

// Compression of a page, in its descriptor; 0 is none. The header's status has the one that the dump was made
// with.
inline constexpr std::uint32_t kFlagZlib = 0x1;
inline constexpr std::uint32_t kFlagLzo = 0x2;
inline constexpr std::uint32_t kFlagSnappy = 0x4;
inline constexpr std::uint32_t kFlagZstd = 0x20;
inline constexpr std::uint32_t kCodecFlags = kFlagZlib | kFlagLzo | kFlagSnappy | kFlagZstd;

struct Utsname {
  char sysname[65];
  char nodename[65];
  char release[65];
  char version[65];
  char machine[65];
  char domainname[65];
};
static_assert(sizeof(Utsname) == 390);

struct Header {
  char signature[8];       // 0
  le32 version;            // 8
  Utsname uts;             // 12
  std::byte padding[6];    // 402
  le64 time_seconds;       // 408
  le64 time_microseconds;  // 416
  le32 status;             // 424
  le32 block_size;         // 428
  le32 sub_header_blocks;  // 432
  le32 bitmap_blocks;      // 436  both bitmaps together
  le32 max_mapnr;          // 440  before version 6
  le32 total_ram_blocks;   // 444
  le32 device_blocks;      // 448
  le32 written_blocks;     // 452
  le32 current_cpu;        // 456
  le32 cpu_count;          // 460
};
static_assert(sizeof(Header) == 464);

struct SubHeader {
  le64 phys_base;          // 0
  le32 dump_level;         // 8
  le32 split;              // 12
  le64 start_pfn;          // 16
  le64 end_pfn;            // 24
  le64 vmcoreinfo_offset;  // 32  from version 3 on
  le64 vmcoreinfo_bytes;   // 40
  le64 notes_offset;       // 48  from version 4 on
  le64 notes_bytes;        // 56
  le64 eraseinfo_offset;   // 64  from version 5 on
  le64 eraseinfo_bytes;    // 72
  le64 start_pfn_64;       // 80  from version 6 on
  le64 end_pfn_64;         // 88
  le64 max_mapnr_64;       // 96
};
static_assert(sizeof(SubHeader) == 104);

struct PageDescriptor {
  le64 offset;      // 0   of the page's data in the file
  le32 size;        // 8
  le32 flags;       // 12
  le64 page_flags;  // 16
};
static_assert(sizeof(PageDescriptor) == 24);

}  // namespace hib::kdump
