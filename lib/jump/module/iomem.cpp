#include "lib/jump/module/iomem.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include <fmt/format.h>

namespace hib::jump {

Result<std::vector<MemoryRange>> read_memory_ranges(std::string_view kind) {
  std::ifstream file("/proc/iomem");
  std::vector<MemoryRange> ranges;
  std::string line;
  while (std::getline(file, line)) {
    if (!line.ends_with(fmt::format(" : {}", kind))) continue;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    const char* begin =
        line.data() + std::min(line.find_first_not_of(' '), line.size());  // drivers (hmem) may lie around it
    const auto dash = std::from_chars(begin, line.data() + line.size(), first, 16);
    std::from_chars(dash.ptr + 1, line.data() + line.size(), last, 16);
    const std::uint64_t start = round_up(first, kPageBytes);
    const std::uint64_t end = (last + 1) / kPageBytes * kPageBytes;
    if (start < end) ranges.push_back({start, end - start});
  }
  if (ranges.empty())
    return fail(make_error(ErrorKind::Refused, "/proc/iomem", fmt::format("no addresses of {}", kind),
                           "root, who sees them"));
  return ranges;
}

}  // namespace hib::jump
