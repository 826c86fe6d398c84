// The structures of a .hib image, turned into validated native values. Order of trust: magic, version, hash,
// limits, body.
#pragma once

#include <string>
#include <vector>

#include "format/hib/layout.h"
#include "lib/base/cursor.h"
#include "lib/base/error.h"
#include "lib/codec/hash.h"
#include "lib/image/history.h"
#include "lib/image/pages.h"
#include "lib/os/file.h"

namespace hib::hib_image {

struct Header {
  std::uint16_t version_major = 1;
  std::uint16_t version_minor = 0;
  std::uint64_t incompatible = 0;
  std::uint64_t compatible = 0;
  std::uint64_t auto_clear = 0;
  std::uint32_t page_size = 4096;
  std::uint32_t chunk_pages = 0;
  std::uint64_t breadcrumb_offset = 0;
  std::uint64_t breadcrumb_bytes = 0;
  std::uint64_t first_block = 0;
  Hash128 base_root;
  std::string base_name;
  Hash128 hash;

  bool has_base() const { return (incompatible & kFeatureBase) != 0; }
  bool has_swapped() const { return (incompatible & kFeatureSwapped) != 0; }
  Pfn max_number() const { return has_swapped() ? kMaxPageNumber : kMaxPfn; }  // of a page, exclusive
};

struct Block {
  BlockType type = BlockType::Pages;
  std::uint64_t offset = 0;  // of its header
  std::uint64_t sequence = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t previous = 0;
  Hash128 payload_hash;
  std::uint64_t header_hash = 0;

  std::uint64_t payload_offset() const { return offset + sizeof(BlockHeader); }
  std::uint64_t end() const { return payload_offset() + round_up(payload_bytes, kBlockAlignment); }
};

// A run of a page map. `slot` is the first slot for Stored and Equal.
struct MapRun {
  MapKind kind = MapKind::Absent;
  Pfn first = 0;
  std::uint64_t count = 0;
  std::uint64_t slot = 0;
  std::uint8_t fill = 0;

  Pfn end() const { return first + count; }
};

struct PagesBlock {
  Pfn first_pfn = 0;
  std::uint64_t page_count = 0;
  std::uint64_t first_slot = 0;
  std::uint32_t slot_count = 0;
  std::uint32_t map_bytes = 0;
  std::uint32_t frame_bytes = 0;
  FrameCodec codec = FrameCodec::Zstd;

  Pfn end_pfn() const { return first_pfn + page_count; }
};

// One PAGES block as the index (or a salvaging walk) knows it.
struct ChunkEntry {
  std::uint64_t offset = 0;
  std::uint64_t payload_bytes = 0;
  Pfn first_pfn = 0;
  std::uint64_t page_count = 0;
  std::uint64_t first_slot = 0;
  std::uint32_t slot_count = 0;
  std::uint32_t map_bytes = 0;
  std::uint64_t map_position = 0;  // in Index::maps
  Hash128 payload_hash;
  bool is_lost = false;  // no block: pages of blocks that a salvaging walk did not find whole

  Pfn end_pfn() const { return first_pfn + page_count; }
  std::uint64_t end_slot() const { return first_slot + slot_count; }
};

struct Index {
  std::uint64_t first_slot = 0;
  std::vector<ChunkEntry> chunks;
  std::vector<std::byte> maps;
  std::vector<std::uint64_t> page_hashes;  // by slot − first_slot; empty when salvaged

  ByteView map_of(const ChunkEntry& chunk) const {
    return ByteView(maps).subspan(chunk.map_position, chunk.map_bytes);
  }
};

struct IndexRef {
  std::uint64_t offset = 0;
  std::uint64_t payload_bytes = 0;
  Pfn first_pfn = 0;
  std::uint64_t page_count = 0;
  std::uint64_t first_slot = 0;
  std::uint64_t slot_count = 0;
  Hash128 payload_hash;
};

struct RecordRef {
  std::uint64_t offset = 0;
  std::uint64_t payload_bytes = 0;
  Hash128 payload_hash;
};

struct Root {
  PageCounts pages;
  std::uint64_t filled_pages = 0;
  std::uint64_t equal_pages = 0;
  std::uint64_t base_pages = 0;
  std::uint64_t slots = 0;
  Pfn end_pfn = 0;
  Hash128 content_digest;
  PageCounts swapped;             // this and the next two with feature swapped-pages
  std::uint64_t swapped_end = 0;  // one past the last slot
  Hash128 swapped_digest;
  Hash128 header_hash;
  std::uint64_t blocks_before = 0;
  std::vector<IndexRef> indexes;
  std::vector<RecordRef> records;
};

struct Commit {
  std::uint64_t root_offset = 0;
  std::uint64_t root_payload_bytes = 0;
  Hash128 root_hash;
  std::uint64_t file_bytes = 0;
};

Hash128 to_hash(const DiskHash& hash);
DiskHash to_disk(const Hash128& hash);

// Errors of all of these carry the offset; the caller adds the file.
Result<Header> decode_header(ByteView raw);
Result<Block> decode_block_header(ByteView raw, std::uint64_t offset);
Result<PagesBlock> decode_pages_header(ByteView payload, std::uint64_t payload_offset, const Header& header);
Result<std::vector<MapRun>> decode_map(ByteView map, std::uint64_t offset, Pfn first_pfn,
                                       std::uint64_t page_count, std::uint64_t first_slot,
                                       std::uint32_t slot_count);
Result<Index> decode_index(ByteView payload, std::uint64_t payload_offset, const Header& header);
Result<Root> decode_root(ByteView payload, std::uint64_t payload_offset, const Header& header);
Result<Commit> decode_commit(ByteView payload, std::uint64_t payload_offset);
Result<std::vector<Breadcrumb>> decode_breadcrumbs(ByteView area, std::uint64_t offset);

// Reads a block's header and then its payload, and checks both hashes; `expected_type` and the header's own
// fields are checked too.
struct BlockBytes {
  Block block;
  std::vector<std::byte> payload;  // without padding
};
Result<Block> read_block_header(const File& file, std::uint64_t offset);
Result<std::vector<std::byte>> read_payload(const File& file, const Block& block);
Result<ByteView> read_payload(const File& file, const Block& block,
                              std::vector<std::byte>& buffer);  // which only grows
Result<BlockBytes> read_block(const File& file, std::uint64_t offset, BlockType expected_type);

std::string_view name_of(BlockType type);

// "is-zero" check for reserved bytes and padding.

}  // namespace hib::hib_image
