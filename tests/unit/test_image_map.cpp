// The coarse map of an image: bounded, true to size, and nothing that is there is lost.
#include "lib/ops/image_map.h"

#include <numeric>

#include "tests/support/images.h"

using namespace hib;

namespace {

std::uint64_t bytes_of(const ImageMap& map) {
  return std::accumulate(map.cells.begin(), map.cells.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const LabelledRange& cell) { return sum + cell.size; });
}

}  // namespace

TEST_CASE("numbers and places are no part of a coarse label") {
  const ImageMap map =
      coarse_map({{0, 10, "swap header"}, {10, 10, "chunk 0: 32 pages"}, {20, 10, "chunk 1: 7 pages"}}, 30);
  REQUIRE(map.totals.size() == 2);
  CHECK(map.totals[1].label == "chunk");
  CHECK(map.totals[1].ranges == 2);
  CHECK(map.totals[1].bytes == 20);
  REQUIRE(map.cells.size() == 2);
  CHECK(map.cells[1].offset == 10);
  CHECK(map.cells[1].size == 20);
}

TEST_CASE("a header of one page is seen in a file of a terabyte") {
  const std::uint64_t size = std::uint64_t{1} << 40U;
  const ImageMap map =
      coarse_map({{0, 4096, "swap header"}, {4096, size - 4096, std::string(kUnlabelled)}}, size);
  REQUIRE(map.cells.size() == 2);
  CHECK(map.cells[0].label == "swap header");
  CHECK(bytes_of(map) == size);
}

TEST_CASE("many ranges of many labels make few cells and few labels that cover the whole file") {
  std::vector<LabelledRange> ranges;
  for (std::uint64_t i = 0; i < 100000; ++i)
    ranges.push_back({i * 7, 7, std::string(1, static_cast<char>('a' + i % 26)) + " part"});
  const ImageMap map = coarse_map(ranges, 700000);
  CHECK(map.cells.size() <= kMapCells);
  CHECK(map.totals.size() <= kMaxMapLabels);
  CHECK(bytes_of(map) == 700000);
}

TEST_CASE("a file of few bytes, or of none, has a map of as many") {
  CHECK(coarse_map({}, 0).cells.empty());
  CHECK(coarse_map({{0, 3, "page data"}}, 3).cells.size() == 1);
  CHECK(coarse_map({{0, 3, "1"}}, 3).cells[0].label == "other");
}

TEST_CASE("a range beyond the end of the file is no harm") {
  const std::uint64_t most = ~std::uint64_t{0};
  const ImageMap map = coarse_map({{0, 10, "a"}, {most - 5, 5, "b"}, {5, most - 100, "c"}}, 10);
  CHECK(bytes_of(map) == 10);
}
