#include "format/swsusp/carve/assemble.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "format/swsusp/layout.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kMostLostAtStart = 16;  // map pages
constexpr const char* kOverwritten = "something else lies there";
constexpr const char* kWrongNext = "it leads nowhere; the next map page lies behind its last block";
constexpr const char* kRebuilt = "something else lies there; rebuilt from the blocks between its neighbours";

class Assembler {
 public:
  Assembler(const BlockSpace& space, const Abi& abi, const std::vector<ChainOfFound>& found)
      : space_(space), abi_(abi), page_(abi.page_size) {
    for (const ChainOfFound& chain : found) {
      const bool same_machine =
          chain.abi.page_size == abi.page_size && chain.abi.big_endian == abi.big_endian;
      if (same_machine && !chain.has_beginning) loose_.insert(chain.blocks.front());
    }
  }

  AssembledChain assemble(std::uint64_t first) {
    out_.first = first_or_before(first);
    std::uint64_t block = out_.first;
    while (block != 0 && !cancelled()) {
      if (block >= space_.block_count() || seen_.contains(block)) break;  // the walk below says why
      if (!lost_.contains(block) && !is_map_page(block) && !mend(block)) {
        lost_[block] = {{}, kOverwritten};
        ++out_.lost_map_pages;
        break;
      }
      if (!lost_.contains(block)) out_.whole_map_pages.push_back(block);
      seen_.insert(block);
      block = next_of(block);
    }
    out_.chain = walk_map_chain(space_, abi_, out_.first, 0, lost_);
    out_.is_whole = lost_.empty() && out_.chain.reached_end;
    return std::move(out_);
  }

 private:
  std::uint64_t stride() const { return abi_.map_entries() + 1; }  // from map page to map page

  // The last map page may be an empty one.
  bool is_map_page(std::uint64_t block) {
    if (space_.contiguous(block, 1) == 0 || seen_.contains(block) || !space_.read(block, page_)) return false;
    if (is_like_map_page(page_, abi_, space_.block_count())) {
      last_entry_ = last_entry();
      return true;
    }
    return !seen_.empty() && all_zero(page_) && !find_behind(block);
  }

  std::uint64_t last_entry() const {
    std::size_t used = abi_.map_entries();
    while (used > 0 && abi_.u64(page_, (used - 1) * kMapEntryBytes) == 0) --used;
    return used == 0 ? 0 : abi_.u64(page_, (used - 1) * kMapEntryBytes);
  }

  std::size_t next_field() const { return abi_.map_entries() * kMapEntryBytes; }

  // Of a map page that was read or rebuilt just now. Where it leads nowhere, and the block behind its last
  // entry is a map page that nothing leads to, it was that one.
  std::uint64_t next_of(std::uint64_t block) {
    const auto lost = lost_.find(block);
    if (lost != lost_.end()) return abi_.u64(lost->second.page, next_field());
    const std::uint64_t next = abi_.u64(page_, next_field());
    const std::uint64_t behind = last_entry_ + 1;
    if (next == behind || next == 0 || !loose_.contains(behind) || seen_.contains(behind)) return next;
    std::vector<std::byte> mended = page_;
    if (is_map_page(next)) return next;
    abi_.put<std::uint64_t>(mended, next_field(), behind);
    lost_[block] = {std::move(mended), kWrongNext};
    return behind;
  }

  // The next map page that is there, if `block` is one that is lost, and the kernel took block after block.
  std::optional<std::uint64_t> find_behind(std::uint64_t block) const {
    if (block != last_entry_ + 1) return std::nullopt;
    for (std::uint64_t next = block + stride(); next < space_.block_count(); next += stride()) {
      if (loose_.contains(next)) return next;
    }
    return std::nullopt;
  }

  // Puts pages into the place of lost ones, from `block` to the next map page that is there.
  // Of the first one only where the info page is there, which it named first.
  bool mend(std::uint64_t block) {
    if (seen_.empty()) {
      if (!is_info_page(block + 1)) return false;
      last_entry_ = block - 1;
    }
    const auto next = find_behind(block);
    for (; next && block < *next; block += stride()) rebuild(block);
    return next.has_value();
  }

  // The kernel took block after block: the map page's own, its entries, the next map page's.
  void rebuild(std::uint64_t block) {
    std::vector<std::byte> page(abi_.page_size);
    for (std::uint64_t i = 0; i < stride(); ++i)
      abi_.put<std::uint64_t>(page, i * kMapEntryBytes, block + 1 + i);
    lost_[block] = {std::move(page), kRebuilt};
    ++out_.lost_map_pages;
    ++out_.rebuilt_map_pages;
    last_entry_ = block + abi_.map_entries();
  }

  // If `block` is not the first map page of all, because that one is lost: where it was.
  std::uint64_t first_or_before(std::uint64_t block) {
    if (!loose_.contains(block)) return block;
    std::uint64_t before = block;
    for (std::uint64_t lost = 1; lost <= kMostLostAtStart && before > stride(); ++lost) {
      before -= stride();
      if (!is_info_page(before + 1)) continue;
      for (std::uint64_t one = before; one < block; one += stride()) rebuild(one);
      return before;
    }
    return block;
  }

  bool is_info_page(std::uint64_t block) {
    if (!space_.read(block, page_)) return false;
    const auto abi = info_page_mark(page_);
    return abi && abi->page_size == abi_.page_size && abi->big_endian == abi_.big_endian;
  }

  const BlockSpace& space_;
  Abi abi_;
  std::unordered_set<std::uint64_t> loose_;  // map pages that nothing leads to, and that begin no image
  std::vector<std::byte> page_;
  std::unordered_set<std::uint64_t> seen_;
  std::uint64_t last_entry_ = 0;
  LostMapPages lost_;
  AssembledChain out_;
};

// What one other image says of the blocks of ours.
class Claims {
 public:
  // `ours`: the blocks that may be claimed; `proven`: those of them that are known to hold our content.
  Claims(const BlockSet& ours, const BlockSet& proven) : ours_(ours), proven_(proven) {}

  void add(std::uint64_t block) {
    contradicted_ = contradicted_ || lies_in(proven_, block);
    if (!lies_in(ours_, block)) return;
    claimed_.emplace_back(block, block + 1);
    if (claimed_.size() < room_) return;
    claimed_ = in_order(std::move(claimed_));  // bounded by what can be claimed
    room_ = 2 * claimed_.size() + kSmallRoom;
  }

  // Nothing, if ours was written over the other one.
  BlockSet take() && { return contradicted_ ? BlockSet() : in_order(std::move(claimed_)); }

 private:
  static constexpr std::size_t kSmallRoom = 1U << 16;

  static bool lies_in(const BlockSet& set, std::uint64_t block) {
    const auto after = std::upper_bound(set.begin(), set.end(), block,
                                        [](std::uint64_t b, const auto& range) { return b < range.first; });
    return after != set.begin() && block < std::prev(after)->second;
  }

  const BlockSet& ours_;
  const BlockSet& proven_;
  BlockSet claimed_;
  std::size_t room_ = kSmallRoom;
  bool contradicted_ = false;
};

BlockSet claimed_by(const BlockSpace& space, const ChainOfFound& other, Claims claims) {
  std::vector<std::byte> page(other.abi.page_size);
  for (const std::uint64_t block : other.blocks) {
    claims.add(block);
    if (!space.read(block, page)) continue;
    for (std::size_t i = 0; i < other.abi.map_entries(); ++i)
      claims.add(other.abi.u64(page, i * kMapEntryBytes));
  }
  return std::move(claims).take();
}

}  // namespace

AssembledChain assemble_chain(const BlockSpace& space, const Abi& abi, std::uint64_t first,
                              const std::vector<ChainOfFound>& found) {
  return Assembler(space, abi, found).assemble(first);
}

BlockSet taken_by_others(const BlockSpace& space, const AssembledChain& ours,
                         const std::vector<ChainOfFound>& found, Witness witness) {
  const std::unordered_set<std::uint64_t> map_pages(ours.chain.map_pages.begin(), ours.chain.map_pages.end());
  const BlockSet blocks = block_set(ours.chain.blocks.runs());
  if (blocks.empty()) return {};
  BlockSet proven;
  for (const std::uint64_t block : ours.whole_map_pages) proven.emplace_back(block, block + 1);
  proven = in_order(std::move(proven));
  BlockSet taken;
  for (const ChainOfFound& other : found) {
    const bool is_ours = std::any_of(other.blocks.begin(), other.blocks.end(),
                                     [&](std::uint64_t block) { return map_pages.contains(block); });
    const bool is_elsewhere =
        other.largest_entry < blocks.front().first || other.smallest_entry >= blocks.back().second;
    const bool is_believed = other.is_convincing() || (witness == Witness::MapPage && other.begins_close);
    const bool is_comparable = other.abi.page_size == space.page_size() && is_believed;
    if (!is_comparable || is_ours || is_elsewhere) continue;
    const BlockSet claimed = claimed_by(space, other, Claims(blocks, proven));
    taken.insert(taken.end(), claimed.begin(), claimed.end());
  }
  return in_order(std::move(taken));
}

void forget_blocks(MapChain& chain, const BlockSet& blocks) {
  BlockList kept;
  for (const BlockList::Run& run : chain.blocks.runs()) {
    if (run.block == kNoBlock) {
      for (std::uint64_t i = 0; i < run.count; ++i) kept.add(kNoBlock);
      continue;
    }
    auto taken =
        std::upper_bound(blocks.begin(), blocks.end(), run.block,
                         [](std::uint64_t block, const auto& range) { return block < range.second; });
    for (std::uint64_t block = run.block; block < run.block + run.count; ++block) {
      while (taken != blocks.end() && taken->second <= block) ++taken;
      kept.add(taken != blocks.end() && taken->first <= block ? kNoBlock : block);
    }
  }
  chain.blocks = std::move(kept);
}

}  // namespace hib::swsusp
