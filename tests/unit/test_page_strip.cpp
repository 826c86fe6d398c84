// The strip of pages and the rows of its picture: every page is counted once, holes are left out.
#include "lib/ops/page_strip.h"

#include "tests/support/images.h"

using namespace hib;

namespace {

PageStrip::Cell sum_of(const StripRows& picture) {
  PageStrip::Cell sum{};
  for (const StripRow& row : picture.rows) {
    for (const PageStrip::Cell& cell : row.cells) {
      for (std::size_t kind = 0; kind < sum.size(); ++kind) sum[kind] += cell[kind];
    }
  }
  return sum;
}

}  // namespace

TEST_CASE("every page is counted once, in its kind", "[page-strip]") {
  PageStrip strip(1U << 20);
  strip.add(0, 0, 100000);
  strip.add(1, 100000, 7);
  strip.add(3, 1048575, 1);
  CHECK(sum_of(rows_of(strip)) == PageStrip::Cell{100000, 7, 0, 1, 0});
}

TEST_CASE("a hole between two parts of memory takes no row", "[page-strip]") {
  PageStrip strip(1U << 20);  // 4 GiB
  strip.add(0, 0, 20000);
  strip.add(0, (1U << 20) - 64, 64);
  const StripRows picture = rows_of(strip);
  REQUIRE(picture.rows.size() == 11);
  CHECK(picture.cell_pages == 4);
  CHECK(picture.rows[9].first == 9 * 2048);
  CHECK(picture.rows[10].first == (1U << 20) - 2048);
}

TEST_CASE("a machine of 64 GiB fits on a screen", "[page-strip]") {
  PageStrip strip(16U << 20);
  strip.add(0, 0, 16U << 20);
  const StripRows picture = rows_of(strip);
  CHECK(picture.rows.size() == StripRows::kMostRows);
  CHECK(picture.cell_pages == 1024);
  CHECK(picture.rows[0].cells.size() == StripRows::kRowCells);
}

TEST_CASE("the last row ends with the memory", "[page-strip]") {
  PageStrip strip(700);
  strip.add(0, 0, 700);
  const StripRows picture = rows_of(strip);
  REQUIRE(picture.rows.size() == 2);
  CHECK(picture.rows[1].first == 512);
  CHECK(picture.rows[1].pages == 188);
  CHECK(picture.rows[1].cells.size() == 188);
}

TEST_CASE("what an image says of pages behind its end, or behind all memory, is no memory fault",
          "[page-strip]") {
  PageStrip strip(1000);
  strip.add(0, 990, ~std::uint64_t{0});
  strip.add(1, 5000, 3);
  CHECK(sum_of(rows_of(strip)) == PageStrip::Cell{10, 0, 0, 0, 0});
  PageStrip largest(~std::uint64_t{0});
  largest.add(2, kMaxPageNumber - 1, 1);
  CHECK(largest.cells().size() <= PageStrip::kMostCells);
  CHECK(rows_of(largest).rows.size() == 1);
  CHECK(rows_of(PageStrip(0)).rows.empty());
}
