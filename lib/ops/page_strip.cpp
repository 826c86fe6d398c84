#include "lib/ops/page_strip.h"

#include <algorithm>
#include <bit>

namespace hib {
namespace {

constexpr std::uint64_t rounded_up(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit;
}

void add_cell(PageStrip::Cell& sum, const PageStrip::Cell& cell) {
  for (std::size_t kind = 0; kind < sum.size(); ++kind) sum[kind] += cell[kind];
}

std::size_t rows_with(const std::vector<std::size_t>& used, std::size_t row_cells) {
  std::size_t rows = 0;
  for (std::size_t i = 0; i < used.size(); ++i)
    rows += i == 0 || used[i] / row_cells != used[i - 1] / row_cells ? 1 : 0;
  return rows;
}

// The smallest number of the strip's cells in one of the picture with which the rows that are not empty are
// few enough. `used`: the cells with something in them, in order.
std::size_t scale_of(const std::vector<std::size_t>& used) {
  std::size_t scale = 1;
  while (rows_with(used, scale * StripRows::kRowCells) > StripRows::kMostRows) scale *= 2;
  return scale;
}

}  // namespace

PageStrip::PageStrip(Pfn end)
    : end_(std::min(end, kMaxPageNumber)),
      cell_pages_(std::bit_ceil(std::max<std::uint64_t>(1, rounded_up(end_, kMostCells)))),
      cells_(rounded_up(end_, cell_pages_), Cell{}) {}

void PageStrip::add(std::size_t kind, Pfn first, std::uint64_t count) {
  if (first >= end_) return;
  const Pfn behind = first + std::min(count, end_ - first);
  while (first < behind) {
    const std::uint64_t cell = first / cell_pages_;
    const Pfn next = std::min(behind, (cell + 1) * cell_pages_);
    cells_[cell][kind] += next - first;
    first = next;
  }
}

StripRows rows_of(const PageStrip& strip) {
  const std::vector<PageStrip::Cell>& cells = strip.cells();
  std::vector<std::size_t> used;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i] != PageStrip::Cell{}) used.push_back(i);
  }
  const std::size_t scale = scale_of(used);
  StripRows picture{scale * strip.cell_pages(), {}};
  const std::uint64_t row_pages = picture.cell_pages * StripRows::kRowCells;
  for (const std::size_t i : used) {
    const Pfn page = i * strip.cell_pages();
    const Pfn first = page / row_pages * row_pages;
    if (picture.rows.empty() || picture.rows.back().first != first) {
      const std::uint64_t pages = std::min(row_pages, strip.end() - first);
      picture.rows.push_back({first, pages, {}});
      picture.rows.back().cells.resize(rounded_up(pages, picture.cell_pages), PageStrip::Cell{});
    }
    StripRow& row = picture.rows.back();
    add_cell(row.cells[(page - first) / picture.cell_pages], cells[i]);
  }
  return picture;
}

}  // namespace hib
