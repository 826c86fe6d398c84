// docs/format/hib.md as structs. Nobody but decode.* and writer.* touches these.
#pragma once

#include "lib/base/bytes.h"

namespace hib::hib_image {

inline constexpr std::uint8_t kFileMagic[8] = {0x89, 'H', 'I', 'B', '\r', '\n', 0x1A, '\n'};
inline constexpr std::uint8_t kBlockMagic[4] = {'H', 'I', 'B', 'b'};
inline constexpr std::uint8_t kBreadcrumbMagic[4] = {'C', 'R', 'M', 'B'};
inline constexpr std::uint16_t kVersionMajor = 1;
inline constexpr std::uint16_t kVersionMinor = 0;

inline constexpr std::uint64_t kFeatureBase = 1;     // incompatible, bit 0
inline constexpr std::uint64_t kFeatureSwapped = 4;  // incompatible, bit 2

struct DiskHash {
  le64 low;
  le64 high;
};

struct FeatureName {
  std::uint8_t word;        // 0
  std::uint8_t bit;         // 1
  std::uint8_t name_bytes;  // 2
  std::uint8_t reserved;    // 3
  char name[60];            // 4
};
static_assert(sizeof(FeatureName) == 64);

struct FileHeader {
  std::uint8_t magic[8];          // 0
  le16 version_major;             // 8
  le16 version_minor;             // 10
  le32 header_bytes;              // 12
  le64 incompatible;              // 16
  le64 compatible;                // 24
  le64 auto_clear;                // 32
  le32 page_size;                 // 40
  le32 chunk_pages;               // 44
  le64 breadcrumb_offset;         // 48
  le64 breadcrumb_bytes;          // 56
  le64 first_block;               // 64
  DiskHash base_root;             // 72
  le32 base_name_bytes;           // 88
  le32 reserved0;                 // 92
  char base_name[256];            // 96
  std::byte reserved_keys[1024];  // 352
  FeatureName features[40];       // 1376
  std::byte reserved1[144];       // 3936
  DiskHash hash;                  // 4080
};
static_assert(sizeof(FileHeader) == 4096);

// The head of an area; a swap device has its own header there, with another signature.
inline constexpr std::uint8_t kAreaMagic[8] = {'H', 'I', 'B', 'A', 'R', 'E', 'A', '\n'};
inline constexpr std::string_view kSwapAreaSignature = "HIBTOOLIMG";
inline constexpr std::uint32_t kAreaVersion = 1;
inline constexpr std::size_t kMaxAreaPlaces = 254;

struct AreaPlace {
  le64 start;
  le64 bytes;
};

struct AreaHead {
  std::uint8_t magic[8];             // 0
  le32 version;                      // 8
  le32 count;                        // 12
  AreaPlace places[kMaxAreaPlaces];  // 16
  le64 head;                         // 4080: of the device: where this lies
  le64 hash;                         // 4088: of all before it
};
static_assert(sizeof(AreaHead) == 4096);

enum class BlockType : std::uint16_t { Pages = 1, Index = 2, Record = 3, Root = 4, Commit = 5 };

struct BlockHeader {
  std::uint8_t magic[4];  // 0
  le16 type;              // 4
  le16 reserved0;         // 6
  le64 sequence;          // 8
  le64 payload_bytes;     // 16
  le64 previous;          // 24
  DiskHash payload_hash;  // 32
  le64 reserved1;         // 48
  le64 header_hash;       // 56
};
static_assert(sizeof(BlockHeader) == 64);
inline constexpr std::uint64_t kBlockAlignment = 16;
inline constexpr std::uint64_t kSectorBytes = 512;  // what a medium holds is so many of these

struct PagesHeader {
  le64 first_pfn;             // 0
  le64 page_count;            // 8
  le64 first_slot;            // 16
  le32 slot_count;            // 24
  le32 map_bytes;             // 28
  le32 frame_bytes;           // 32
  std::uint8_t codec;         // 36
  std::uint8_t reserved[11];  // 37
};
static_assert(sizeof(PagesHeader) == 48);

enum class FrameCodec : std::uint8_t { Stored = 0, Zstd = 1 };

enum class MapKind : std::uint8_t {
  Absent = 0,
  Zero = 1,
  Unreadable = 2,
  Fill = 3,
  Stored = 4,
  Equal = 5,
  Base = 6,
  Hole = 7
};

struct IndexHeader {
  le64 first_slot;   // 0
  le64 slot_count;   // 8
  le32 block_count;  // 16
  le32 reserved;     // 20
  le64 maps_bytes;   // 24
};
static_assert(sizeof(IndexHeader) == 32);

struct IndexEntry {
  le64 offset;            // 0
  le32 payload_bytes;     // 8
  le32 map_bytes;         // 12
  le64 first_pfn;         // 16
  le64 page_count;        // 24
  le32 slot_count;        // 32
  le32 reserved;          // 36
  DiskHash payload_hash;  // 40
};
static_assert(sizeof(IndexEntry) == 56);

struct RootHeader {
  le64 data_pages;               // 0
  le64 zero_pages;               // 8
  le64 absent_pages;             // 16
  le64 unreadable_pages;         // 24
  le64 filled_pages;             // 32
  le64 equal_pages;              // 40
  le64 base_pages;               // 48
  le64 slots;                    // 56
  le64 end_pfn;                  // 64
  std::byte content_digest[16];  // 72, canonical
  DiskHash header_hash;          // 88
  le64 blocks_before;            // 104
  le32 index_count;              // 112
  le32 record_count;             // 116
};
static_assert(sizeof(RootHeader) == 120);

// Behind the entries of ROOT, with feature swapped-pages.
struct RootSwapped {
  le64 data_pages;        // 0
  le64 zero_pages;        // 8
  le64 absent_pages;      // 16
  le64 unreadable_pages;  // 24
  le64 end_slot;          // 32
  std::byte digest[16];   // 40, canonical
  std::byte reserved[8];  // 56
};
static_assert(sizeof(RootSwapped) == 64);

struct RootIndexEntry {
  le64 offset;            // 0
  le64 payload_bytes;     // 8
  le64 first_pfn;         // 16
  le64 page_count;        // 24
  le64 first_slot;        // 32
  le64 slot_count;        // 40
  DiskHash payload_hash;  // 48
};
static_assert(sizeof(RootIndexEntry) == 64);

struct RootRecordEntry {
  le64 offset;            // 0
  le64 payload_bytes;     // 8
  DiskHash payload_hash;  // 16
};
static_assert(sizeof(RootRecordEntry) == 32);

struct CommitPayload {
  le64 root_offset;         // 0
  le64 root_payload_bytes;  // 8
  DiskHash root_hash;       // 16
  le64 file_bytes;          // 32
  std::byte reserved[24];   // 40
};
static_assert(sizeof(CommitPayload) == 64);
inline constexpr std::uint64_t kCommitBytes = sizeof(BlockHeader) + sizeof(CommitPayload);

struct BreadcrumbEntry {
  std::uint8_t magic[4];  // 0
  le16 phase;             // 4
  le16 text_bytes;        // 6
  le64 time_ns;           // 8
  le32 number;            // 16
  le32 reserved;          // 20
  char text[96];          // 24
  le64 hash;              // 120
};
static_assert(sizeof(BreadcrumbEntry) == 128);

// Limits (docs/format/hib.md), checked before anything is allocated.
inline constexpr std::uint64_t kMaxPayloadBytes = 0xFFFFFFFF;
inline constexpr std::uint32_t kMaxChunkPages = 1024;
inline constexpr std::uint32_t kMaxMapBytes = 65536;
inline constexpr std::uint32_t kBlocksPerIndex = 1024;
inline constexpr std::uint64_t kMaxBreadcrumbBytes = 1U << 20;
inline constexpr unsigned kMaxBaseDepth = 32;

}  // namespace hib::hib_image
