#include "format/hib/walk.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::hib_image {
namespace {

constexpr std::uint64_t kScanWindow = 1 << 20;

class Walker {
 public:
  Walker(const File& file, const Header& header, std::uint64_t to, bool read_pages)
      : file_(file), header_(header), to_(std::min(to, file.size())), read_pages_(read_pages) {}

  Walk run(std::uint64_t from) {
    std::uint64_t position = from;
    while (position + sizeof(BlockHeader) <= to_ && !cancelled()) {
      auto block = whole_block_at(position);
      if (block) {
        check_chain(*block);
        visit(*block);
        position = walk_.end = block->end();
        if (block->type == BlockType::Commit) break;
        continue;
      }
      const std::uint64_t next = next_good_header(position + kBlockAlignment);
      report_gap(std::move(block).error(), position, next);
      position = next;
    }
    if (!walk_.commit && position < to_ && position + sizeof(BlockHeader) > to_) {
      report_gap(file_.error(ErrorKind::Truncated, position, "block header",
                             fmt::format("{} bytes", to_ - position), "64"),
                 position, to_);
    }
    finish_gap(std::nullopt);
    return std::move(walk_);
  }

 private:
  Result<Block> whole_block_at(std::uint64_t offset) const {
    TRY(const Block block, read_block_header(file_, offset));
    if (block.end() > to_) {
      return fail(file_.error(ErrorKind::Truncated, offset,
                              fmt::format("{} block {}", name_of(block.type), block.sequence),
                              fmt::format("the file ends at {:#x}", to_),
                              fmt::format("{:#x}, the end of the block", block.end())));
    }
    return block;
  }

  // Offset of the next block header whose own hash is right, or the end.
  std::uint64_t next_good_header(std::uint64_t from) const {
    std::vector<std::byte> window;
    for (std::uint64_t start = round_up(from, kBlockAlignment); start + sizeof(BlockHeader) <= to_;
         start += kScanWindow) {
      const std::uint64_t size = std::min(kScanWindow + sizeof(BlockHeader), to_ - start);
      auto bytes = file_.read_at(start, size);
      if (!bytes) continue;  // an unreadable place is no block
      for (std::uint64_t at = 0; at < kScanWindow && at + sizeof(BlockHeader) <= size;
           at += kBlockAlignment) {
        if (std::memcmp(bytes->data() + at, kBlockMagic, sizeof(kBlockMagic)) != 0) continue;
        const auto block = decode_block_header(ByteView(*bytes).subspan(at, sizeof(BlockHeader)), start + at);
        if (block && block->end() <= to_) return start + at;
      }
    }
    return to_;
  }

  void check_chain(const Block& block) {
    const std::uint64_t expected = last_ ? last_->header_hash : header_.hash.low;
    const bool first_seen = !last_ && block.offset != header_.first_block;
    if (!first_seen && !after_gap_ && block.previous != expected) {
      walk_.damage.push_back(
          {file_.error(ErrorKind::Corrupt, block.offset,
                       fmt::format("{} block {}: previous", name_of(block.type), block.sequence),
                       hex(block.previous),
                       hex(expected) + ": not the block that was written after the one before it"),
           {}});
    }
    after_gap_ = false;
    last_ = block;
  }

  void visit(const Block& block) {
    switch (block.type) {
      case BlockType::Pages:
        if (read_pages_) visit_pages(block);
        break;
      case BlockType::Record:
        walk_.records.push_back({block.offset, block.payload_bytes, block.payload_hash});
        break;
      case BlockType::Commit:
        if (auto payload = read_payload(file_, block)) {
          if (auto commit = decode_commit(*payload, block.payload_offset())) walk_.commit = *commit;
        }
        break;
      case BlockType::Index: break;
      case BlockType::Root: break;
    }
  }

  void visit_pages(const Block& block) {
    auto added = add_chunk(block);
    if (added) return;
    open_gap_ = true;
    walk_.damage.push_back({std::move(added).error().of(file_.path()), {}});
    gap_damage_ = walk_.damage.size() - 1;
  }

  Result<void> add_chunk(const Block& block) {
    TRY(const auto payload, read_payload(file_, block));
    TRY(const PagesBlock pages, decode_pages_header(payload, block.payload_offset(), header_));
    const ByteView map = ByteView(payload).subspan(sizeof(PagesHeader), pages.map_bytes);
    TRY_OK(decode_map(map, block.payload_offset() + sizeof(PagesHeader), pages.first_pfn, pages.page_count,
                      pages.first_slot, pages.slot_count));
    auto& chunks = walk_.index.chunks;
    const Pfn previous_end = chunks.empty() ? 0 : chunks.back().end_pfn();
    const std::uint64_t previous_slot = chunks.empty() ? 0 : chunks.back().end_slot();
    if (pages.first_pfn < previous_end || pages.first_slot < previous_slot) {
      return fail(make_error(ErrorKind::Corrupt, fmt::format("PAGES block {}: first_pfn", block.sequence),
                             hex(pages.first_pfn), fmt::format("{:#x} or above: blocks ascend", previous_end))
                      .at(block.payload_offset()));
    }
    if (pages.first_slot != previous_slot) open_gap_ = true;
    finish_gap(pages.first_pfn);
    chunks.push_back({block.offset, block.payload_bytes, pages.first_pfn, pages.page_count, pages.first_slot,
                      pages.slot_count, pages.map_bytes, walk_.index.maps.size(), block.payload_hash});
    walk_.index.maps.insert(walk_.index.maps.end(), map.begin(), map.end());
    return {};
  }

  void report_gap(Error error, std::uint64_t from, std::uint64_t to) {
    error.advice = fmt::format("{} bytes up to the next good block are skipped", to - from);
    walk_.damage.push_back({std::move(error), {}});
    gap_damage_ = walk_.damage.size() - 1;
    open_gap_ = true;
    after_gap_ = true;
  }

  // The pages between the last good chunk and the next one may have been in what was skipped.
  void finish_gap(std::optional<Pfn> next) {
    const Pfn from = walk_.index.chunks.empty() ? 0 : walk_.index.chunks.back().end_pfn();
    // Where memory ends is not known, so a gap between it and the swapped-out pages has no pages of its own.
    if (open_gap_ && gap_damage_ && next && *next > from && is_swapped(from) == is_swapped(*next))
      walk_.damage[*gap_damage_].lost_pfns.emplace_back(from, *next - from);
    open_gap_ = false;
    gap_damage_.reset();
  }

  const File& file_;
  const Header& header_;
  std::uint64_t to_;
  bool read_pages_;
  Walk walk_;
  std::optional<Block> last_;
  bool after_gap_ = false;
  bool open_gap_ = false;
  std::optional<std::size_t> gap_damage_;
};

}  // namespace

Walk walk_blocks(const File& file, const Header& header, std::uint64_t from, std::uint64_t to,
                 bool read_pages) {
  return Walker(file, header, to, read_pages).run(from);
}

}  // namespace hib::hib_image
