// How Linux lays out a hibernation image in a swap area, as far as it is the same everywhere: offsets, marks
// and flags. Source: kernel/power/{swap.c,power.h,snapshot.c}, include/linux/swap.h; docs/format/swsusp.md
// says what changed when. Page size, word size and byte order are the writer's, so the fields are read
// through an Abi (abi.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hib::swsusp {

// ---- swap area, first page (union swap_header; counted from the page's start)
inline constexpr std::size_t kSwapVersion = 1024;   // u32, 1
inline constexpr std::size_t kSwapLastPage = 1028;  // u32
inline constexpr std::size_t kSwapBadCount = 1032;  // u32
inline constexpr std::size_t kSwapUuid = 1036;      // 16 bytes
inline constexpr std::size_t kSwapLabel = 1052;     // 16 bytes
inline constexpr std::size_t kSwapBadPages = 1536;  // u32[]
inline constexpr std::size_t kUuidBytes = 16;
inline constexpr std::size_t kLabelBytes = 16;

// ---- the same page's end (struct swsusp_header; counted back from the page's end)
inline constexpr std::size_t kHwSigFromEnd = 40;         // u32, with kFlagHwSig
inline constexpr std::size_t kCrcFromEnd = 36;           // u32, with kFlagCrc
inline constexpr std::size_t kImageFromEnd = 32;         // u64, block number of the first map page
inline constexpr std::size_t kFlagsFromEnd = 24;         // u32
inline constexpr std::size_t kOrigSigFromEnd = 20;       // 10 bytes
inline constexpr std::size_t kSigFromEnd = 10;           // 10 bytes
inline constexpr std::size_t kUswsuspImageFromEnd = 28;  // i64, bytes: uswsusp only
inline constexpr std::size_t kSigBytes = 10;
inline constexpr std::size_t kTailBytes = kHwSigFromEnd;

inline constexpr std::string_view kSigSwap2{"SWAPSPACE2", kSigBytes};
inline constexpr std::string_view kSigSwap1{"SWAP-SPACE", kSigBytes};
inline constexpr std::string_view kSigArmed{"S1SUSPEND\0", kSigBytes};
inline constexpr std::string_view kSigArmedOld{"LINHIB0001", kSigBytes};
inline constexpr std::string_view kSigVeryOld{"S2SUSPEND\0", kSigBytes};
inline constexpr std::string_view kSigUswsusp{"ULSUSPEND\0", kSigBytes};

inline constexpr std::uint32_t kFlagPlatform = 1;
inline constexpr std::uint32_t kFlagNoCompress = 2;
inline constexpr std::uint32_t kFlagCrc = 4;
inline constexpr std::uint32_t kFlagHwSig = 8;
inline constexpr std::uint32_t kFlagLz4 = 16;
inline constexpr std::uint32_t kKnownFlags =
    kFlagPlatform | kFlagNoCompress | kFlagCrc | kFlagHwSig | kFlagLz4;

// ---- map pages (struct swap_map_page): block numbers, then the block number of the next map page
inline constexpr std::size_t kMapEntryBytes = 8;

// ---- chunks of a compressed image
inline constexpr std::uint32_t kChunkPages = 32;                       // UNC_PAGES
constexpr std::uint64_t max_compressed_bytes(std::uint32_t page_size)  // bytes_worst_compress(UNC_SIZE)
{
  const std::uint64_t raw = std::uint64_t{kChunkPages} * page_size;
  return raw + raw / 16 + 64 + 3 + 2;
}

// ---- x86 restore_data_record, at the start of the info page (arch/x86/power/hibernate.c)
inline constexpr std::uint64_t kMagicMd5 =
    0x23456789ABCDEF01;  // digest: MD5 of the firmware's memory map; to 5.12
inline constexpr std::uint64_t kMagicCrc = 0x23456789ABCDEF02;  // digest: CRC32, in a u64
inline constexpr std::uint32_t kMagicMd5_32 = 0x12345678;       // the same on 32-bit
inline constexpr std::uint32_t kMagicCrc_32 = 0x12345679;

// ---- other signatures at the same bytes
inline constexpr unsigned char kTuxOnIceMagic[8] = {0xED, 0xC3, 0x02, 0xE9, 0x98, 0x56, 0xE5, 0x0C};
inline constexpr unsigned char kLuksMagic[6] = {'L', 'U', 'K', 'S', 0xBA, 0xBE};

// Page sizes that Linux runs with where it can hibernate.
inline constexpr std::uint32_t kPageSizes[] = {4096, 8192, 16384, 32768, 65536};

}  // namespace hib::swsusp
