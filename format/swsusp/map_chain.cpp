#include "format/swsusp/map_chain.h"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::size_t kMaxListed = 1000;

class Walker {
 public:
  Walker(const BlockSpace& space, const Abi& abi, std::uint64_t header_block, const LostMapPages& lost)
      : space_(space), abi_(abi), header_block_(header_block), lost_(lost), page_(abi.page_size) {}

  MapChain walk(std::uint64_t first) {
    std::uint64_t block = first;
    while (block != 0 && !cancelled()) {
      const auto next = map_page(block);
      if (!next) break;
      block = *next;
      chain_.reached_end = block == 0;
    }
    find_shared_blocks();
    return std::move(chain_);
  }

 private:
  // The next map page's block, or nothing when the chain cannot be followed.
  std::optional<std::uint64_t> map_page(std::uint64_t block) {
    const std::size_t number = chain_.map_pages.size();
    const std::string where =
        number == 0 ? std::string("swap header: image") : fmt::format("map page {}: next_swap", number - 1);
    const std::uint64_t from = number == 0 ? offset(header_block_) + abi_.page_size - 32
                                           : offset(chain_.map_pages.back()) + abi_.page_size - 8;
    if (block == header_block_ || space_.contiguous(block, 1) == 0) {
      damage(from, where, fmt::format("block {}", block),
             block == header_block_
                 ? "another block than the header's own"
                 : fmt::format("a block of the device, which has {}", space_.block_count()));
      return std::nullopt;
    }
    if (!seen_.insert(block).second) {
      damage(from, where, fmt::format("block {}, a map page already: the chain is a loop", block),
             "a block that is not in the chain");
      return std::nullopt;
    }
    const auto lost = lost_.find(block);
    if (lost != lost_.end())
      damage(offset(block), fmt::format("map page {}", number), lost->second.found, "a map page");
    if (lost != lost_.end() && lost->second.page.empty()) return std::nullopt;
    chain_.map_pages.push_back(block);
    chain_.last_page_first_entry = chain_.blocks.size();
    if (lost != lost_.end()) {
      page_ = lost->second.page;
    } else if (auto read = space_.read(block, page_); !read) {
      chain_.damage.push_back({std::move(read).error().in(fmt::format("map page {}", number)), {}});
      return std::nullopt;
    }
    take_entries(number, offset(block));
    if (good_entries_ > space_.block_count()) {
      damage(offset(block), fmt::format("map page {}", number),
             fmt::format("{} entries so far", good_entries_),
             fmt::format("at most {}, the device's blocks", space_.block_count()));
      return std::nullopt;
    }
    return abi_.u64(page_, abi_.page_size - 8);
  }

  void take_entries(std::size_t number, std::uint64_t page_offset) {
    const std::uint64_t entries = abi_.map_entries();
    const bool is_lost = lost_.contains(chain_.map_pages.back());
    const bool is_last = abi_.u64(page_, abi_.page_size - 8) == 0;
    std::uint64_t used = entries;
    while (used > 0 && abi_.u64(page_, (used - 1) * 8) == 0) --used;
    for (std::uint64_t i = 0; i < used; ++i) {
      const std::uint64_t block = abi_.u64(page_, i * 8);
      const bool good = block != 0 && block != header_block_ && space_.contiguous(block, 1) == 1;
      if (good) ++good_entries_;
      chain_.blocks.add(good ? block : kNoBlock);
      if (good || is_lost) continue;
      const std::uint64_t next = block == header_block_ ? i + 1 : foreign_end(i + 1, used);
      report_entries(number, page_offset, i, next - i);
      for (++i; i < next; ++i) chain_.blocks.add(kNoBlock);
      --i;
    }
    if (is_last || used == entries) return;  // only the last map page may have free entries
    damage(page_offset + used * 8, fmt::format("map page {}: entry {}", number, used),
           "0, and another map page follows", "a block");
    for (std::uint64_t i = used; i < entries; ++i) chain_.blocks.add(kNoBlock);
  }

  // Where the entries end that name no block of the device; a 0 is none either.
  std::uint64_t foreign_end(std::uint64_t from, std::uint64_t used) const {
    const auto is_foreign = [&](std::uint64_t block) {
      return block != header_block_ && (block == 0 || space_.contiguous(block, 1) == 0);
    };
    while (from < used && is_foreign(abi_.u64(page_, from * 8))) ++from;
    return from;
  }

  void report_entries(std::size_t number, std::uint64_t page_offset, std::uint64_t first,
                      std::uint64_t count) {
    const std::uint64_t block = abi_.u64(page_, first * 8);
    damage(
        page_offset + first * 8,
        count == 1 ? fmt::format("map page {}: entry {}", number, first)
                   : fmt::format("map page {}: entries {} to {}", number, first, first + count - 1),
        count == 1 ? fmt::format("block {}", block) : fmt::format("block {} and {} more", block, count - 1),
        block == header_block_ ? "another block than the header's own"
                               : fmt::format("a block of the device, which has {}", space_.block_count()));
  }

  // A block that two entries name, or an entry and the chain itself, was overwritten by one of them.
  void find_shared_blocks() {
    struct Use {
      std::uint64_t block;
      std::uint64_t count;
      std::uint64_t number;  // of the entry or the map page
      bool is_map_page;

      std::string who() const {
        return is_map_page  ? fmt::format("map page {}", number)
               : count == 1 ? fmt::format("entry {}", number)
                            : fmt::format("entries {} to {}", number, number + count - 1);
      }
    };
    std::vector<Use> uses;
    for (const BlockList::Run& run : chain_.blocks.runs()) {
      if (run.block != kNoBlock) uses.push_back({run.block, run.count, run.index, false});
    }
    for (std::size_t i = 0; i < chain_.map_pages.size(); ++i)
      uses.push_back({chain_.map_pages[i], 1, i, true});
    std::sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) { return a.block < b.block; });
    std::vector<std::pair<std::uint64_t, std::uint64_t>> wrong;  // first entry, count
    const Use* widest = nullptr;
    for (const Use& use : uses) {
      if (widest != nullptr && use.block < widest->block + widest->count) {
        damage(offset(use.block), fmt::format("block {}", use.block),
               fmt::format("named by {} and by {}", widest->who(), use.who()), "one use of each block");
        // It holds what was written last; the later entry is certainly wrong, or certainly not the only one.
        const std::uint64_t common =
            std::min(use.block + use.count, widest->block + widest->count) - use.block;
        const bool second_is_later = widest->is_map_page || (!use.is_map_page && use.number > widest->number);
        if (second_is_later)
          wrong.emplace_back(use.number, common);
        else if (!widest->is_map_page)
          wrong.emplace_back(widest->number + (use.block - widest->block), common);
      }
      if (widest == nullptr || use.block + use.count > widest->block + widest->count) widest = &use;
    }
    if (!wrong.empty()) chain_.blocks = without(chain_.blocks, std::move(wrong));
  }

  static BlockList without(const BlockList& blocks,
                           std::vector<std::pair<std::uint64_t, std::uint64_t>> entries) {
    std::sort(entries.begin(), entries.end());
    BlockList out;
    std::size_t next = 0;
    for (const BlockList::Run& run : blocks.runs()) {
      for (std::uint64_t i = 0; i < run.count; ++i) {
        const std::uint64_t entry = run.index + i;
        while (next < entries.size() && entries[next].first + entries[next].second <= entry) ++next;
        const bool is_wrong = next < entries.size() && entries[next].first <= entry;
        out.add(is_wrong || run.block == kNoBlock ? kNoBlock : run.block + i);
      }
    }
    return out;
  }

  std::uint64_t offset(std::uint64_t block) const {
    return space_.file_offset(block).value_or(space_.file().size());
  }

  void damage(std::uint64_t at, std::string where, std::string found, std::string allowed) {
    if (chain_.damage.size() >= kMaxListed) return;
    chain_.damage.push_back(
        {space_.file().error(ErrorKind::Corrupt, at, std::move(where), std::move(found), std::move(allowed)),
         {}});
  }

  const BlockSpace& space_;
  Abi abi_;
  std::uint64_t header_block_;
  const LostMapPages& lost_;
  std::vector<std::byte> page_;
  std::unordered_set<std::uint64_t> seen_;
  std::uint64_t good_entries_ = 0;
  MapChain chain_;
};

}  // namespace

void BlockList::add(std::uint64_t block) {
  if (!runs_.empty()) {
    Run& last = runs_.back();
    if (block == kNoBlock ? last.block == kNoBlock
                          : last.block != kNoBlock && last.block + last.count == block) {
      ++last.count;
      return;
    }
  }
  runs_.push_back({size(), block, 1});
}

BlockList::Run BlockList::part(std::uint64_t index, std::uint64_t count) const {
  const auto it = std::prev(std::upper_bound(runs_.begin(), runs_.end(), index,
                                             [](std::uint64_t i, const Run& r) { return i < r.index; }));
  const std::uint64_t into = index - it->index;
  return {index, it->block == kNoBlock ? kNoBlock : it->block + into, std::min(count, it->count - into)};
}

std::uint64_t BlockList::at(std::uint64_t index) const { return part(index, 1).block; }

BlockSet block_set(const std::vector<BlockList::Run>& runs) {
  BlockSet blocks;
  for (const BlockList::Run& run : runs) {
    if (run.block != kNoBlock)
      blocks.emplace_back(run.block, run.block + std::min(run.count, ~std::uint64_t{0} - run.block));
  }
  return in_order(std::move(blocks));
}

MapChain walk_map_chain(const BlockSpace& space, const Abi& abi, std::uint64_t first,
                        std::uint64_t header_block, const LostMapPages& lost) {
  return Walker(space, abi, header_block, lost).walk(first);
}

Result<void> read_entries(const BlockSpace& space, const BlockList& blocks, std::uint64_t first,
                          MutableBytes out) {
  const std::uint32_t page_size = space.page_size();
  std::uint64_t entry = first;
  while (!out.empty()) {
    if (entry >= blocks.size()) {
      return fail(space.file().error(
          ErrorKind::Truncated,
          blocks.size() == 0 ? space.file().size() : entry_offset(space, blocks, blocks.size() - 1),
          fmt::format("map entry {}", entry), "none", fmt::format("below {}", blocks.size())));
    }
    const BlockList::Run run = blocks.part(entry, (out.size() + page_size - 1) / page_size);
    if (run.block == kNoBlock) {
      return fail(space.file().error(ErrorKind::Corrupt, space.file().size(),
                                     fmt::format("map entry {}", entry), "a block that cannot be right",
                                     "a block of the device"));
    }
    const std::size_t size = std::min<std::size_t>(out.size(), run.count * page_size);
    TRY_OK(space.read(run.block, out.first(size)));
    out = out.subspan(size);
    entry += run.count;
  }
  return {};
}

std::uint64_t entry_offset(const BlockSpace& space, const BlockList& blocks, std::uint64_t entry) {
  const std::uint64_t block = entry < blocks.size() ? blocks.at(entry) : kNoBlock;
  return space.file_offset(block).value_or(space.file().size());
}

}  // namespace hib::swsusp
