// What every byte of a .hib file is. Blocks have the numbers that their headers and all messages give them.

#include <algorithm>

#include <fmt/format.h>

#include "format/hib/reader.h"
#include "lib/base/text.h"

namespace hib::hib_image {
namespace {

struct LabelledBlock {
  std::uint64_t offset = 0;
  std::uint64_t payload_bytes = 0;
  BlockType type = BlockType::Pages;
  std::string what;
};

}  // namespace

Result<RangeMap> Reader::map() const {
  std::vector<LabelledBlock> blocks;
  for (std::size_t i = 0; i < root_.records.size(); ++i) {
    blocks.push_back({root_.records[i].offset, root_.records[i].payload_bytes, BlockType::Record,
                      printable(record_names_[i])});
  }
  for (std::size_t i = 0; i < root_.indexes.size(); ++i) {
    TRY(const auto loaded, index(i));
    for (const ChunkEntry& chunk : loaded->index.chunks) {
      if (chunk.is_lost) continue;
      blocks.push_back(
          {chunk.offset, chunk.payload_bytes, BlockType::Pages,
           fmt::format("PFN {:#x} + {:#x}, {} stored", chunk.first_pfn, chunk.page_count, chunk.slot_count)});
    }
    if (has_root_)
      blocks.push_back({root_.indexes[i].offset, root_.indexes[i].payload_bytes, BlockType::Index,
                        "of " + counted(loaded->index.chunks.size(), "block")});
  }
  std::sort(blocks.begin(), blocks.end(),
            [](const LabelledBlock& a, const LabelledBlock& b) { return a.offset < b.offset; });

  RangeMap map;
  map.add(0, sizeof(FileHeader), "file header");
  map.add(header_.breadcrumb_offset, header_.breadcrumb_bytes,
          fmt::format("breadcrumbs ({} used)", breadcrumbs_.size()));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const LabelledBlock& block = blocks[i];
    // With salvage, blocks may be missing between those that were found.
    const auto header = salvage_ ? read_block_header(*file_, block.offset) : Result<Block>(Block{});
    const std::uint64_t number = salvage_ && header ? header->sequence : i;
    map.add(block.offset, sizeof(BlockHeader) + round_up(block.payload_bytes, kBlockAlignment),
            fmt::format("{} block {}: {}", name_of(block.type), number, block.what));
  }
  if (!has_root_) return map;
  map.add(commit_.root_offset, sizeof(BlockHeader) + round_up(commit_.root_payload_bytes, kBlockAlignment),
          "ROOT");
  map.add(commit_.file_bytes - kCommitBytes, kCommitBytes, "COMMIT");
  if ((file_->is_block_device() || lies_on_device_) && file_->size() > commit_.file_bytes) {
    map.add(commit_.file_bytes, file_->size() - commit_.file_bytes,
            "device behind the image, and the copy of COMMIT at its end");
  } else if (trailing_bytes_ == 0 && file_->size() > commit_.file_bytes) {
    map.add(commit_.file_bytes, file_->size() - commit_.file_bytes, "zeros up to a whole sector");
  }
  return map;
}

}  // namespace hib::hib_image
