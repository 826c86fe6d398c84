// The firmware's memory map, as the kernel of a PC prints it when it starts.
#pragma once

#include <optional>
#include <string_view>

#include "lib/os/firmware_map.h"

namespace hib::diagnose::logs {

// "BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable", or as the oldest and the newest kernels
// word it; the name is the one of /sys/firmware/memmap. Nothing for any other line.
std::optional<MemoryMapEntry> memory_map_entry(std::string_view line);

}  // namespace hib::diagnose::logs
