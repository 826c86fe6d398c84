// What is left of a .hib image that was damaged, cut off, or put on a medium of another size.
#include <filesystem>

#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

constexpr std::uint64_t kSector = 512;

struct Victim {
  TempFolder folder;
  std::vector<std::byte> memory;
  std::string raw = folder.file("memory.raw");
  std::string hib = folder.file("image.hib");
  std::vector<std::byte> bytes;

  explicit Victim(std::vector<std::byte> pages) : memory(std::move(pages)) {
    write_file(raw, memory);
    pack(raw, hib);
    bytes = read_file(hib);
  }
};

}  // namespace

TEST_CASE("Zeros behind a .hib image up to the next whole sector are no damage") {
  const Victim victim(sample_memory(40, 5));
  REQUIRE(victim.bytes.size() % kSector != 0);
  std::filesystem::resize_file(victim.hib, round_up(victim.bytes.size(), kSector));
  const auto image = open_or_fail(victim.hib);
  CHECK(image->info().state == ImageState::Complete);
  CHECK(image->info().findings.empty());
  CHECK(must(verify(*image, 1, {})).verdict == Verdict::Good);
  CHECK(must(image->map()).tiled(image->info().file_bytes).back().label == "zeros up to a whole sector");
  CHECK_FALSE(is_damaged(victim.hib));
}

TEST_CASE("What else lies behind a .hib image is damage: other bytes, half a sector, one sector more") {
  const Victim victim(sample_memory(40, 5));
  const std::size_t size = victim.bytes.size();
  const std::size_t whole = round_up(size, kSector);
  REQUIRE(size + 16 < whole);
  for (const std::size_t at : {size, whole - 1}) {
    auto other = victim.bytes;
    other.resize(whole);
    other[at] = std::byte{1};
    write_file(victim.hib, other);
    CHECK(is_damaged(victim.hib));
  }
  for (const std::size_t end : {size + 16, whole - 1, whole + 1, whole + kSector}) {
    write_file(victim.hib, victim.bytes);
    std::filesystem::resize_file(victim.hib, end);
    CHECK(is_damaged(victim.hib));
  }
}
