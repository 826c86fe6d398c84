// Which stored page equals this one? Finds candidates by 64-bit hash; the caller compares bytes, because a
// process of the machine can fill its pages so that hashes collide, and one page must not replace another.
// Memory: 21.6 bytes per slot (hash 8, first PFN 8, table 4 at a load of 1/1.4).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "lib/image/pages.h"

namespace hib::hib_image {

class DedupTable {
 public:
  explicit DedupTable(std::uint64_t expected_slots);

  // The first slot with this hash for which `equal(slot, pfn)` holds, in the order of storing.
  template <typename Equal>
  std::optional<std::uint64_t> find(std::uint64_t hash, Equal&& equal) const {
    for (std::size_t i = start(hash); table_[i] != kEmpty; i = next(i)) {
      const std::uint32_t slot = table_[i];
      if (hashes_[slot] == hash && equal(slot, pfns_[slot])) return slot;
    }
    return std::nullopt;
  }

  // The table is larger than any processor's cache: asking some pages ahead hides the wait.
  void prefetch(std::uint64_t hash) const { __builtin_prefetch(&table_[start(hash)]); }

  // The new page gets the next slot number.
  void add(std::uint64_t hash, Pfn pfn);

  std::uint64_t slots() const { return slots_; }

 private:
  static constexpr std::uint32_t kEmpty = 0xFFFFFFFF;
  std::size_t start(std::uint64_t hash) const {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * table_.size()) >> 64);
  }
  std::size_t next(std::size_t i) const { return i + 1 == table_.size() ? 0 : i + 1; }
  void insert(std::uint64_t hash, std::uint32_t slot);
  void grow();

  std::vector<std::uint32_t> table_;
  std::vector<std::uint64_t> hashes_;  // by slot
  std::vector<Pfn> pfns_;              // by slot
  std::uint64_t slots_ = 0;
};

}  // namespace hib::hib_image
