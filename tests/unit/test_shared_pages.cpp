// Contents that several images have in common, and how many hashes are kept of them.

#include "lib/ops/shared_pages.h"
#include "tests/support/catch.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

// Pages first, first + 1, …, each unlike all others.
std::vector<std::byte> numbered_pages(std::uint32_t first, std::uint32_t count) {
  std::vector<std::byte> memory(std::size_t{count} * 4096);
  for (std::uint32_t i = 0; i < count; ++i) {
    for (std::size_t at = 0; at < 4096; at += 4) {
      const std::uint32_t word = (first + i) * 2654435761U + static_cast<std::uint32_t>(at);
      std::memcpy(memory.data() + std::size_t{i} * 4096 + at, &word, 4);
    }
  }
  return memory;
}

SharedPagesReport shared_of(std::uint64_t most_hashes) {
  const TempFolder folder;
  SharedPages pages(most_hashes);
  for (std::uint32_t n = 0; n < 3; ++n) {
    const std::string path = folder.file("m" + std::to_string(n));
    write_file(path, numbered_pages(n * 1000, 4000));
    const auto image = must(open_image(path, "raw", {}));
    must(pages.add(*image, {}));
  }
  return must(std::move(pages).report());
}

}  // namespace

TEST_CASE("all contents are counted while there is room for their hashes") {
  const SharedPagesReport report = shared_of(12000);
  CHECK(report.sampled == 1);
  CHECK(report.shared ==
        std::vector<std::vector<std::uint64_t>>{{4000, 3000, 2000}, {3000, 4000, 3000}, {2000, 3000, 4000}});
  CHECK(report.images[2].contents == 4000);
  CHECK(report.images[2].data_pages == 4000);
}

TEST_CASE("with less room a part of them stands for all") {
  const SharedPagesReport report = shared_of(4000);
  CHECK(report.sampled == 4);
  CHECK(report.images[0].data_pages == 4000);  // these are counted
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) {
      const auto wanted = static_cast<double>(4000 - 1000 * (i > j ? i - j : j - i));
      CHECK(static_cast<double>(report.shared[i][j]) > 0.85 * wanted);
      CHECK(static_cast<double>(report.shared[i][j]) < 1.15 * wanted);
      CHECK(report.shared[i][j] % 4 == 0);
    }
  }
}
