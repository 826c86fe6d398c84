// What lies where in the file of an image, coarse enough to be seen at one glance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/image/range_map.h"

namespace hib {

inline constexpr std::size_t kMapCells = 512;     // the file is cut into at most as many
inline constexpr std::size_t kMaxMapLabels = 12;  // further ones count as "other"
inline constexpr std::string_view kUnlabelled = "unlabelled";

struct LabelTotal {
  std::string label;  // "chunk", of "chunk 17: 32 data pages"
  std::uint64_t ranges = 0;
  std::uint64_t bytes = 0;
};

struct ImageMap {
  std::uint64_t file_bytes = 0;
  std::vector<LabelledRange> cells;  // neighbours of one label are one; at most kMapCells
  std::vector<LabelTotal> totals;    // in the order of the file
};

// Of ranges that tile the file. What has a label is seen beside what has none, however small it is.
ImageMap coarse_map(const std::vector<LabelledRange>& tiled, std::uint64_t file_bytes);

}  // namespace hib
