// What an image claims about where a jump would lead, held against the machine that it would happen on.
// Everything here can be checked before anything has happened; the image may be anybody's.
#pragma once

#include <vector>

#include "lib/jump/module/context.h"
#include "lib/jump/restore/page_walk.h"
#include "lib/os/machine.h"

namespace hib::jump {

// The firmware lays memory out again on each boot; where it does so in another way, A's pages have no place.
Result<void> check_memory_map(const std::vector<MemoryMapEntry>& here,
                              const std::vector<MemoryMapEntry>& in_image);

// `pages`, ascending, are all that A used as RAM: in RAM of this machine, outside of the crash region, and
// below 640 KiB only what the context keeps a copy of.
Result<void> check_places(const Context& context, const std::vector<MemoryRange>& pages,
                          const std::vector<MemoryMapEntry>& here);

// The jump ends at A's own code with A's own context: by A's page tables, both lie in pages of the image.
Result<void> check_entry(const Context& context, const std::vector<MemoryRange>& pages,
                         const ReadPhysicalPage& read);

}  // namespace hib::jump
