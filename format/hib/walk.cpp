#include "format/hib/walk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "format/hib/lost.h"
#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::hib_image {
namespace {

// What one search reads at a time: little where the next block is near, as in a hostile file it may be each
// time.
constexpr std::uint64_t kFirstScanWindow = 1 << 12;
constexpr std::uint64_t kScanWindow = 1 << 20;

class Walker {
 public:
  Walker(const File& file, const Header& header, const WalkRange& range, bool read_pages)
      : file_(file),
        header_(header),
        range_(range),
        to_(std::min(range.to, file.size())),
        read_pages_(read_pages),
        rereads_left_(to_),
        reached_(range.first),
        end_of_indexes_(range.first) {}

  Walk run() {
    std::uint64_t position = range_.from;
    while (position + sizeof(BlockHeader) <= to_ && !cancelled()) {
      auto block = whole_block_at(position);
      if (block) {
        check_chain(*block);
        visit(*block);
        position = walk_.end = block->end();
        if (block->type == BlockType::Commit) break;
        continue;
      }
      const auto before = std::exchange(doubtful_, std::nullopt);
      const std::uint64_t next = next_block(before, position);
      report_gap(std::move(block).error(), next < position ? before->offset : position, next);
      position = next;
    }
    if (!walk_.commit && position < to_ && position + sizeof(BlockHeader) > to_) {
      report_gap(file_.error(ErrorKind::Truncated, position, "block header",
                             fmt::format("{} bytes", to_ - position), "64"),
                 position, to_);
    }
    finish_gap(range_.end);
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

  // Where blocks go on behind `position`, where none is. The length that led there counts what a block held
  // when it was written; where bytes of it are gone since, the next block lies nearer. What is read again for
  // that is no more than the file has, whatever its blocks claim.
  std::uint64_t next_block(const std::optional<Block>& before, std::uint64_t position) {
    if (before) {
      const std::uint64_t next = next_good_header(before->payload_offset());
      if (next > position) return next;
      if (next < position && position - next <= rereads_left_) {
        rereads_left_ -= position - next;
        return next;
      }
    }
    return next_good_header(position + kBlockAlignment);
  }

  // Offset of the next block header whose own hash is right, or the end.
  std::uint64_t next_good_header(std::uint64_t from) const {
    std::uint64_t window = kFirstScanWindow;
    for (std::uint64_t start = round_up(from, kBlockAlignment); start + sizeof(BlockHeader) <= to_;
         start += window, window = std::min(2 * window, kScanWindow)) {
      const std::uint64_t size = std::min(window + sizeof(BlockHeader), to_ - start);
      auto bytes = file_.read_at(start, size);
      if (!bytes) continue;  // an unreadable place is no block
      for (std::uint64_t at = 0; at < window && at + sizeof(BlockHeader) <= size; at += kBlockAlignment) {
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
      gap_damage_ = walk_.damage.size() - 1;
    }
    after_gap_ = false;
    last_ = block;
  }

  void visit(const Block& block) {
    if (read_pages_) doubtful_ = block;
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
      case BlockType::Index:
        if (read_pages_) visit_index(block);
        break;
      case BlockType::Root: break;
    }
  }

  void visit_pages(const Block& block) {
    auto added = add_chunk(block);
    if (added) {
      doubtful_.reset();
      return;
    }
    open_gap_ = true;
    walk_.damage.push_back({std::move(added).error().of(file_.path()), {}});
    gap_damage_ = walk_.damage.size() - 1;
  }

  Result<void> add_chunk(const Block& block) {
    TRY(const ByteView payload, read_payload(file_, block, buffer_));
    TRY(const PagesBlock pages, decode_pages_header(payload, block.payload_offset(), header_));
    const ByteView map = payload.subspan(sizeof(PagesHeader), pages.map_bytes);
    TRY_OK(decode_map(map, block.payload_offset() + sizeof(PagesHeader), pages.first_pfn, pages.page_count,
                      pages.first_slot, pages.slot_count));
    if (pages.first_pfn < reached_.number || pages.first_slot < reached_.slot) {
      return fail(make_error(ErrorKind::Corrupt, fmt::format("PAGES block {}: first_pfn", block.sequence),
                             hex(pages.first_pfn),
                             fmt::format("{:#x} or above: blocks ascend", reached_.number))
                      .at(block.payload_offset()));
    }
    if (pages.first_slot != reached_.slot) open_gap_ = true;
    finish_gap(PagePlace{pages.first_pfn, pages.first_slot});
    walk_.index.chunks.push_back({block.offset, block.payload_bytes, pages.first_pfn, pages.page_count,
                                  pages.first_slot, pages.slot_count, pages.map_bytes,
                                  walk_.index.maps.size(), block.payload_hash});
    walk_.index.maps.insert(walk_.index.maps.end(), map.begin(), map.end());
    reached_ = {pages.end_pfn(), pages.first_slot + pages.slot_count};
    return {};
  }

  // A broken one is not missed where all its blocks are whole.
  void visit_index(const Block& block) {
    const auto payload = read_payload(file_, block, buffer_);
    if (!payload) return;
    doubtful_.reset();
    const auto told = decode_index(*payload, block.payload_offset(), header_);
    if (!told) return;
    const auto lost = fill_from_index(walk_.index, *told);
    if (!lost) return;
    const ChunkEntry& first = told->chunks.front();
    const ChunkEntry& last = told->chunks.back();
    if (!lost->empty()) note_missing({last.end_pfn(), last.end_slot()});
    std::vector<PfnRange> possible;
    if (told->first_slot != end_of_indexes_.slot)
      possible.emplace_back(0, first.first_pfn);  // one is missing
    possible.insert(possible.end(), lost->begin(), lost->end());
    for (const std::size_t gap : gaps_) {
      auto& missing = walk_.damage[gap].lost_pfns;
      missing = common_ranges(missing, possible);
    }
    gaps_.clear();
    forget_gap();
    reached_ = end_of_indexes_ = {last.end_pfn(), last.end_slot()};
  }

  void report_gap(Error error, std::uint64_t from, std::uint64_t to) {
    error.advice = fmt::format("{} bytes up to the next good block are skipped", to - from);
    walk_.damage.push_back({std::move(error), {}});
    gap_damage_ = walk_.damage.size() - 1;
    open_gap_ = true;
    after_gap_ = true;
  }

  void finish_gap(std::optional<PagePlace> next) {
    // Where memory ends is not known, so a gap between it and the swapped-out pages has no pages of its own.
    if (open_gap_ && next && is_swapped(reached_.number) == is_swapped(next->number)) {
      note_missing(*next);
      // As many slots as pages: each page was stored. With fewer, the others may have been no memory.
      const PfnRange range{reached_.number, next->number - reached_.number};
      if (range.second > 0 && next->slot - reached_.slot == range.second)
        walk_.index.chunks.push_back(lost_chunk({range}, reached_.slot, walk_.index.maps));
    }
    forget_gap();
  }

  // The pages between the last good chunk and the next one may have been in what was skipped.
  void note_missing(PagePlace next) {
    if (!gap_damage_ || next.number <= reached_.number) return;
    walk_.damage[*gap_damage_].lost_pfns = {{reached_.number, next.number - reached_.number}};
    gaps_.push_back(*gap_damage_);
  }

  void forget_gap() {
    open_gap_ = false;
    gap_damage_.reset();
  }

  const File& file_;
  const Header& header_;
  const WalkRange range_;
  const std::uint64_t to_;
  const bool read_pages_;
  std::uint64_t rereads_left_;  // bytes
  Walk walk_;
  PagePlace reached_;         // where the last good chunk ends
  PagePlace end_of_indexes_;  // where the pages end that the last good INDEX names
  std::vector<std::byte> buffer_;
  std::optional<Block> last_;
  std::optional<Block> doubtful_;  // the last one, while nothing proves that it ends where it says
  bool after_gap_ = false;
  bool open_gap_ = false;
  std::optional<std::size_t> gap_damage_;
  std::vector<std::size_t> gaps_;  // the damage of those since the last INDEX
};

}  // namespace

Walk walk_blocks(const File& file, const Header& header, const WalkRange& range, bool read_pages) {
  return Walker(file, header, range, read_pages).run();
}

}  // namespace hib::hib_image
