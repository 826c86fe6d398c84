#include "lib/image/range_map.h"

#include <algorithm>
#include <utility>

namespace hib {

void RangeMap::add(std::uint64_t offset, std::uint64_t size, std::string label) {
  if (size != 0) ranges_.push_back({offset, size, std::move(label)});
}

std::vector<LabelledRange> RangeMap::tiled(std::uint64_t file_bytes) const {
  std::vector<LabelledRange> sorted = ranges_;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::vector<LabelledRange> out;
  std::uint64_t end = 0;
  for (auto& range : sorted) {
    if (range.offset > end) out.push_back({end, range.offset - end, "unlabelled"});
    if (range.offset < end) range.label += " (overlaps what lies before)";
    end = std::max(end, range.offset + range.size);
    out.push_back(std::move(range));
  }
  if (end < file_bytes) out.push_back({end, file_bytes - end, "unlabelled"});
  return out;
}

}  // namespace hib
