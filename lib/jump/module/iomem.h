// Physical memory by kind, as the kernel lists it in /proc/iomem.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

// One line. What lies in another range follows it and has a larger depth.
struct IomemLine {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // both 0 where the reader is not root
  std::size_t depth = 0;
  std::string name;  // drivers give it: hostile
};
std::vector<IomemLine> parse_iomem(std::string_view text);

// The whole pages of the lines with this name.
std::vector<MemoryRange> memory_ranges(const std::vector<IomemLine>& lines, std::string_view name);

// Whole pages of what /proc/iomem calls so. Needs root: others see zeros.
inline constexpr std::string_view kSystemRam = "System RAM";
Result<std::vector<MemoryRange>> read_memory_ranges(std::string_view kind);

}  // namespace hib::jump
