// /proc/kcore: the memory of the machine that this runs on, as it is while it is read.
#pragma once

#include <string>
#include <vector>

#include "format/elf/decode.h"
#include "lib/image/extent_reader.h"

namespace hib::elf {

// Only there have segments no physical address: vmalloc, modules, the array of struct page.
bool is_kcore(const Headers& headers);

// System RAM, by the segments of the direct map: the kernel makes them of the same list that /proc/iomem
// shows (fs/proc/kcore.c, walk_system_ram_range). The kernel's text has a segment of its own, for pages that
// are in the direct map too.
std::vector<Extent> system_ram(const Headers& headers);

}  // namespace hib::elf
