#include "lib/ops/image_map.h"

#include <algorithm>
#include <array>

namespace hib {
namespace {

constexpr std::string_view kOther = "other";

std::string coarse_label(const std::string& label) {
  std::string coarse = label.substr(0, label.find_first_of("0123456789,:("));
  while (!coarse.empty() && coarse.back() == ' ') coarse.pop_back();
  return coarse.empty() ? std::string(kOther) : coarse;
}

// The place of the label in `totals`; the last place is for what is too much.
std::size_t place_of_label(std::string label, std::vector<LabelTotal>& totals) {
  if (totals.size() + 1 >= kMaxMapLabels) {
    const bool is_known =
        std::any_of(totals.begin(), totals.end(), [&](const LabelTotal& one) { return one.label == label; });
    if (!is_known) label = kOther;
  }
  for (std::size_t i = 0; i < totals.size(); ++i) {
    if (totals[i].label == label) return i;
  }
  totals.push_back({std::move(label), 0, 0});
  return totals.size() - 1;
}

using Cell = std::array<std::uint64_t, kMaxMapLabels>;  // bytes of each label

// Adds [offset, offset + size) to the cells that it lies in.
void add_to_cells(std::uint64_t offset, std::uint64_t size, std::size_t label, std::uint64_t cell_bytes,
                  std::vector<Cell>& cells) {
  while (size > 0) {
    const std::uint64_t cell = offset / cell_bytes;
    if (cell >= cells.size()) return;
    const std::uint64_t part = std::min(size, (cell + 1) * cell_bytes - offset);
    cells[cell][label] += part;
    offset += part;
    size -= part;
  }
}

const std::string& label_of(const Cell& cell, const std::vector<LabelTotal>& totals) {
  std::size_t best = 0;
  const auto weight = [&](std::size_t i) {
    return std::make_pair(cell[i] > 0 && totals[i].label != kUnlabelled, cell[i]);
  };
  for (std::size_t i = 1; i < totals.size(); ++i) {
    if (weight(i) > weight(best)) best = i;
  }
  return totals[best].label;
}

}  // namespace

ImageMap coarse_map(const std::vector<LabelledRange>& tiled, std::uint64_t file_bytes) {
  ImageMap map;
  map.file_bytes = file_bytes;
  if (file_bytes == 0 || tiled.empty()) return map;
  const std::uint64_t cell_bytes = (file_bytes - 1) / kMapCells + 1;
  std::vector<Cell> cells((file_bytes - 1) / cell_bytes + 1, Cell{});
  for (const LabelledRange& range : tiled) {
    const std::size_t label = place_of_label(coarse_label(range.label), map.totals);
    ++map.totals[label].ranges;
    map.totals[label].bytes += range.size;
    add_to_cells(range.offset, range.size, label, cell_bytes, cells);
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const std::uint64_t offset = i * cell_bytes;
    const std::uint64_t size = std::min(cell_bytes, file_bytes - offset);
    const std::string& label = label_of(cells[i], map.totals);
    if (!map.cells.empty() && map.cells.back().label == label) {
      map.cells.back().size += size;
    } else {
      map.cells.push_back({offset, size, label});
    }
  }
  return map;
}

}  // namespace hib
