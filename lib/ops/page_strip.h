// The space of page numbers in cells, each with how many of its pages are of which kind: coarse enough to be
// seen at one glance, whether a machine has 256 MiB or 64 TiB.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/image/pages.h"

namespace hib {

class PageStrip {
 public:
  static constexpr std::size_t kMostCells = std::size_t{1} << 18;
  static constexpr std::size_t kMostKinds = 5;
  using Cell = std::array<std::uint64_t, kMostKinds>;  // pages of each kind

  explicit PageStrip(Pfn end);  // one past the last page

  void add(std::size_t kind, Pfn first, std::uint64_t count);  // what lies behind the end does not count

  Pfn end() const { return end_; }
  std::uint64_t cell_pages() const { return cell_pages_; }  // a power of two
  const std::vector<Cell>& cells() const { return cells_; }

 private:
  Pfn end_;
  std::uint64_t cell_pages_;
  std::vector<Cell> cells_;
};

// A strip cut into rows for a picture. Rows in which nothing lies are left out: memory has holes, the largest
// below 4 GiB.
struct StripRow {
  Pfn first = 0;
  std::uint64_t pages = 0;  // that it spans; the last row of a strip may be short
  std::vector<PageStrip::Cell> cells;
};

struct StripRows {
  static constexpr std::size_t kMostRows = 32;
  static constexpr std::size_t kRowCells = 512;

  std::uint64_t cell_pages = 1;  // of the picture, a power of two
  std::vector<StripRow> rows;    // at most kMostRows, each with at most kRowCells cells
};

StripRows rows_of(const PageStrip& strip);

}  // namespace hib
