#include "format/hib/dedup.h"

#include <algorithm>

namespace hib::hib_image {
namespace {

constexpr std::uint64_t kSmallest = 1024;

std::size_t table_size(std::uint64_t slots) { return static_cast<std::size_t>(slots + slots * 2 / 5); }

}  // namespace

// Reserving costs no memory until it is used, and one allocation is all that a source of known size needs.
DedupTable::DedupTable(std::uint64_t expected_slots) {
  const std::uint64_t slots = std::clamp<std::uint64_t>(expected_slots, kSmallest, kEmpty - 1);
  table_.assign(table_size(slots), kEmpty);
  hashes_.reserve(slots);
  pfns_.reserve(slots);
}

void DedupTable::add(std::uint64_t hash, Pfn pfn) {
  const std::uint64_t slot = slots_++;
  if (slot >= kEmpty) return;  // 16 TiB of distinct pages: the rest is stored without being looked for
  if (table_size(slot + 1) > table_.size()) grow();
  hashes_.push_back(hash);
  pfns_.push_back(pfn);
  insert(hash, static_cast<std::uint32_t>(slot));
}

void DedupTable::insert(std::uint64_t hash, std::uint32_t slot) {
  std::size_t i = start(hash);
  while (table_[i] != kEmpty) i = next(i);
  table_[i] = slot;
}

void DedupTable::grow() {
  table_ = {};
  table_.assign(table_size(hashes_.size() * 2), kEmpty);
  for (std::size_t slot = 0; slot < hashes_.size(); ++slot)
    insert(hashes_[slot], static_cast<std::uint32_t>(slot));
}

}  // namespace hib::hib_image
