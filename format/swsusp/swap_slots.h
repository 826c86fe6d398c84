// The slots of a swap area: page N of the area, and the block of the device that holds it. The kernel names a
// swapped-out page by its slot, so it has to be found in that slot, wherever the area lies.
#pragma once

#include <optional>
#include <vector>

#include "format/swsusp/block_set.h"
#include "format/swsusp/locate.h"
#include "lib/image/pages.h"

namespace hib::swsusp {

struct SlotRange {
  std::uint64_t slot = 0;
  std::uint64_t block = 0;
  std::uint64_t count = 0;
};

class SwapSlots {
 public:
  // The pages 1 … last_page without the bad ones, as far as they lie on the device in whole, aligned pages.
  static SwapSlots of(const Located& located);

  const std::vector<SlotRange>& ranges() const { return ranges_; }  // ascending by slot, disjoint
  // The slot's block, and how many slots follow it there one by one; nothing for a slot that the area does
  // not have.
  std::optional<SlotRange> from(std::uint64_t slot) const;
  BlockSet blocks() const;
  // The blocks of slots that belong to the runs; of slots that the area does not have, nothing.
  BlockSet blocks_of(const std::vector<PageRun>& slots) const;
  void remove_blocks(const BlockSet& removed);

 private:
  std::vector<SlotRange> ranges_;
};

}  // namespace hib::swsusp
