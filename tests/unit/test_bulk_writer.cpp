// What is appended reaches the disk whole and in order, however it is cut; an error of an earlier piece is
// not lost.
#include "lib/os/bulk_writer.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "tests/support/catch.h"

using namespace hib;

namespace {

constexpr std::size_t kPiece = BulkWriter::kPieceBytes;

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + (i >> 12));
  return bytes;
}

// A disk in memory, and where each write began.
struct Disk {
  std::vector<std::byte> bytes = std::vector<std::byte>(4 * kPiece);
  std::vector<std::uint64_t> offsets;
  std::mutex mutex;
  std::uint64_t fails_at = ~std::uint64_t{0};

  BulkWriter::Write writer() {
    return [this](std::uint64_t offset, ByteView piece) -> Result<void> {
      const std::scoped_lock lock(mutex);
      if (offset == fails_at || offset + piece.size() > bytes.size())
        return fail(make_error(ErrorKind::Io, "write", "the disk is gone"));
      std::copy(piece.begin(), piece.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
      offsets.push_back(offset);
      return {};
    };
  }
};

}  // namespace

TEST_CASE("Whatever pieces it is given, the disk holds what was appended") {
  const auto all = pattern(3 * kPiece + 12345);
  for (const std::size_t step : {std::size_t{1000}, std::size_t{4096}, kPiece, kPiece + 1, all.size()}) {
    Disk disk;
    BulkWriter writer(disk.writer());
    for (std::size_t at = 0; at < all.size(); at += step)
      REQUIRE(writer.append(ByteView(all).subspan(at, std::min(step, all.size() - at))));
    REQUIRE(writer.drain());
    CHECK(std::equal(all.begin(), all.end(), disk.bytes.begin()));
    CHECK(disk.offsets == std::vector<std::uint64_t>{0, kPiece, 2 * kPiece, 3 * kPiece});
  }
}

TEST_CASE("After a drain one appends on: the last piece is written again, with more in it") {
  const auto all = pattern(kPiece + 5000);
  Disk disk;
  BulkWriter writer(disk.writer());
  for (std::size_t at = 0; at < all.size(); at += 2500) {
    REQUIRE(writer.append(ByteView(all).subspan(at, std::min<std::size_t>(2500, all.size() - at))));
    REQUIRE(writer.drain());
    CHECK(std::equal(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(at + 2500, all.size())),
                     disk.bytes.begin()));
  }
}

TEST_CASE(
    "A piece that cannot be written is an error of the next append that waits for it, or of the drain") {
  const auto piece = pattern(kPiece);
  SECTION("the next but one") {
    Disk disk;
    disk.fails_at = 0;
    BulkWriter writer(disk.writer());
    REQUIRE(writer.append(piece));
    const auto next = writer.append(piece);
    REQUIRE(!next);
    CHECK(next.error().found == "the disk is gone");
  }
  SECTION("the last") {
    Disk disk;
    disk.fails_at = kPiece;
    BulkWriter writer(disk.writer());
    REQUIRE(writer.append(piece));
    REQUIRE(writer.append(piece));
    CHECK(!writer.drain());
  }
  SECTION("a part of one") {
    Disk disk;
    disk.fails_at = 0;
    BulkWriter writer(disk.writer());
    REQUIRE(writer.append(ByteView(piece).first(100)));
    CHECK(!writer.drain());
  }
}
