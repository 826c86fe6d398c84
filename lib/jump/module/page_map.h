// A map of the machine's page frames that the module has left in the machine's memory (struct hibjump_map of
// its header): which ones the machine does not use, or which must not be read.
#pragma once

#include <cstdint>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/reader.h"
#include "lib/jump/module/suspend_records.h"

namespace hib::jump {

struct PageMap {
  std::vector<PfnRange> pages;  // ascending
  std::uint64_t offline = 0;    // of them: not online, or in a balloon
  std::uint64_t poisoned = 0;   // of them: reading raises a machine check
};

// `index` is where the machine's context says that the map is; 0 bytes: there is none, and the map is empty.
// The memory may hold anything: every number is checked before it is used.
Result<PageMap> read_page_map(const MemoryRange& index, const ReadPhysical& read);

// The pages of either, ascending.
std::vector<PfnRange> pages_of_both(const std::vector<PfnRange>& a, const std::vector<PfnRange>& b);

}  // namespace hib::jump
