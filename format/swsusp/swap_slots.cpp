#include "format/swsusp/swap_slots.h"

#include <algorithm>

namespace hib::swsusp {
namespace {

// Where the pages of the area lie on the device, in bytes.
std::vector<FileExtent> extents_of(const Located& located) {
  if (located.swap_file) return *located.swap_file;
  const std::uint64_t start = located.header_block * located.header.page_size;
  const std::uint64_t end = located.space.block_count() * located.header.page_size;
  return {{start, 0, end > start ? end - start : 0}};
}

// The whole pages of an extent; none where they are not aligned on the device: the kernel uses no others.
SlotRange pages_of(const FileExtent& extent, const Header& header) {
  const std::uint64_t page = header.page_size;
  const std::uint64_t first = std::max<std::uint64_t>((extent.file_offset + page - 1) / page, 1);
  const std::uint64_t end =
      std::min<std::uint64_t>((extent.file_offset + extent.size) / page, std::uint64_t{header.last_page} + 1);
  const std::uint64_t device = extent.device_offset + (first * page - extent.file_offset);
  if (first >= end || device % page != 0) return {};
  return {first, device / page, end - first};
}

}  // namespace

SwapSlots SwapSlots::of(const Located& located) {
  SwapSlots slots;
  for (const FileExtent& extent : extents_of(located)) {
    const SlotRange range = pages_of(extent, located.header);
    if (range.count > 0) slots.ranges_.push_back(range);
  }
  std::sort(slots.ranges_.begin(), slots.ranges_.end(),
            [](const SlotRange& a, const SlotRange& b) { return a.slot < b.slot; });
  BlockSet unusable = {{located.header_block, located.header_block + 1}};
  for (const std::uint32_t bad : located.header.bad_pages) {
    if (const auto there = slots.from(bad)) unusable.emplace_back(there->block, there->block + 1);
  }
  slots.remove_blocks(in_order(std::move(unusable)));
  return slots;
}

std::optional<SlotRange> SwapSlots::from(std::uint64_t slot) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), slot,
                                      [](std::uint64_t s, const SlotRange& range) { return s < range.slot; });
  if (after == ranges_.begin()) return std::nullopt;
  const SlotRange& range = *std::prev(after);
  const std::uint64_t into = slot - range.slot;
  if (into >= range.count) return std::nullopt;
  return SlotRange{slot, range.block + into, range.count - into};
}

BlockSet SwapSlots::blocks() const {
  BlockSet blocks;
  for (const SlotRange& range : ranges_) blocks.emplace_back(range.block, range.block + range.count);
  return in_order(std::move(blocks));
}

BlockSet SwapSlots::blocks_of(const std::vector<PageRun>& slots) const {
  BlockSet blocks;
  for (const PageRun& run : slots) {
    for (std::uint64_t slot = run.first; slot < run.end();) {
      const auto there = from(slot);
      if (!there) break;
      const std::uint64_t count = std::min(there->count, run.end() - slot);
      blocks.emplace_back(there->block, there->block + count);
      slot += count;
    }
  }
  return in_order(std::move(blocks));
}

void SwapSlots::remove_blocks(const BlockSet& removed) {
  const auto by_block = [](const SlotRange& a, const SlotRange& b) { return a.block < b.block; };
  const auto by_slot = [](const SlotRange& a, const SlotRange& b) { return a.slot < b.slot; };
  std::sort(ranges_.begin(), ranges_.end(), by_block);
  std::vector<SlotRange> kept;
  auto cut = removed.begin();
  for (const SlotRange& range : ranges_) {
    while (cut != removed.end() && cut->second <= range.block) ++cut;
    std::uint64_t block = range.block;
    const std::uint64_t end = range.block + range.count;
    const auto keep_to = [&](std::uint64_t to) {
      if (block < to) kept.push_back({range.slot + (block - range.block), block, to - block});
    };
    for (auto inside = cut; inside != removed.end() && inside->first < end; ++inside) {
      keep_to(inside->first);
      block = std::max(block, inside->second);
      cut = inside;
    }
    keep_to(end);
  }
  ranges_ = std::move(kept);
  std::sort(ranges_.begin(), ranges_.end(), by_slot);
}

}  // namespace hib::swsusp
