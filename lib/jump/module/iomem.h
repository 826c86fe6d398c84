// Physical memory by kind, as the kernel lists it in /proc/iomem.
#pragma once

#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

// Whole pages of what /proc/iomem calls so. Needs root: others see zeros.
inline constexpr std::string_view kSystemRam = "System RAM";
inline constexpr std::string_view kMachineMemory =
    "Soft Reserved";  // in the saver, by the firmware map that plan_load() makes
Result<std::vector<MemoryRange>> read_memory_ranges(std::string_view kind);

}  // namespace hib::jump
