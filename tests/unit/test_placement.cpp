// Which bytes of an image go where in physical memory: a page in the wrong place ruins two.

#include "lib/base/text.h"
#include "lib/jump/restore/memory.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using jump::kLowEnd;
using jump::kPageBytes;
using jump::MemoryTarget;
using jump::Placement;
using jump::write_batch;

namespace {

constexpr std::uint64_t kCopy = 0x10000000;
constexpr Pfn kLowPages = kLowEnd / kPageBytes;

// What was done to the memory, a line for each call.
struct Calls {
  std::vector<std::string> all;
  std::size_t fail_at = 1000;  // this call and all after it

  MemoryTarget target() {
    return {[this](std::uint64_t address, ByteView bytes) -> Result<void> {
              // The bytes of a test's page begin with the page's number.
              return note("write " + hex(address) + " " + std::to_string(bytes.size() / kPageBytes) +
                          " pages from " + std::to_string(std::to_integer<int>(bytes[0])));
            },
            [this](std::uint64_t address, std::byte value, std::uint64_t bytes) -> Result<void> {
              return note("fill " + hex(address) + " " + std::to_string(bytes / kPageBytes) + " pages with " +
                          std::to_string(std::to_integer<int>(value)));
            }};
  }

 private:
  Result<void> note(std::string line) {
    if (all.size() >= fail_at)
      return fail(make_error(ErrorKind::Refused, "memory", "not the machine's", "RAM"));
    all.push_back(std::move(line));
    return {};
  }
};

// A loaded batch; pages are numbered in the order in which they were added, and lie behind each other in the
// buffer unless `gap` is called.
class Batch {
 public:
  Batch() : buffer_(64 * kPageBytes) {}
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  Batch& data(Pfn first, std::uint64_t count = 1) {
    for (std::uint64_t i = 0; i < count; ++i) {
      std::byte* bytes = buffer_.data() + next_ * kPageBytes;
      bytes[0] = static_cast<std::byte>(number_++);
      batch_.items.push_back({{first + i, 1, PageState::Data, 0}, bytes, {}});
      ++next_;
    }
    return *this;
  }
  Batch& gap() {
    ++next_;
    return *this;
  }
  Batch& run(Pfn first, std::uint64_t count, PageState state, std::uint8_t fill = 0) {
    batch_.items.push_back({{first, count, state, fill}, nullptr, {}});
    return *this;
  }
  std::vector<std::string> written(const Placement& placement = {{}, 0}) const {
    Calls calls;
    must(write_batch(batch_, placement, calls.target()));
    return calls.all;
  }
  Result<void> written_to(Calls& calls) const { return write_batch(batch_, {{}, 0}, calls.target()); }

 private:
  PageBatch batch_;
  std::vector<std::byte> buffer_;
  std::size_t next_ = 0;
  unsigned number_ = 0;
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("Without low memory in a copy every page goes to its own address") {
  const Placement placement({}, kCopy);
  for (const Pfn pfn : {Pfn{0}, Pfn{1}, kLowPages - 1, kLowPages, Pfn{0x100000}})
    CHECK(placement.address_of(pfn) == pfn * kPageBytes);
}

TEST_CASE("The pages of a low range go into the copy, from its first to its last one and no further") {
  const Placement placement({{0x1000, 0x9E000}}, kCopy);
  CHECK(placement.address_of(0) == 0);
  CHECK(placement.address_of(1) == kCopy);
  CHECK(placement.address_of(2) == kCopy + 0x1000);
  CHECK(placement.address_of(0x9E) == kCopy + 0x9D000);
  CHECK(placement.address_of(0x9F) == 0x9F000);
  CHECK(placement.address_of(kLowPages) == kLowEnd);
}

TEST_CASE("Several low ranges lie one after the other in the copy, whatever is between them") {
  const Placement placement({{0, 0x2000}, {0x10000, 0x1000}, {0x90000, 0x10000}}, kCopy);
  CHECK(placement.address_of(0) == kCopy);
  CHECK(placement.address_of(1) == kCopy + 0x1000);
  CHECK(placement.address_of(2) == 0x2000);
  CHECK(placement.address_of(0xF) == 0xF000);
  CHECK(placement.address_of(0x10) == kCopy + 0x2000);
  CHECK(placement.address_of(0x11) == 0x11000);
  CHECK(placement.address_of(0x90) == kCopy + 0x3000);
  CHECK(placement.address_of(kLowPages - 1) == kCopy + 0x12000);
  CHECK(placement.address_of(kLowPages) == kLowEnd);
}

TEST_CASE("A page that only partly lies in a low range is not taken for a page of it") {
  const Placement placement({{0x1800, 0x1800}}, kCopy);
  CHECK(placement.address_of(1) == 0x1000);
  CHECK(placement.address_of(2) == kCopy + 0x800);
  CHECK(Placement({{0x1000, 0x800}}, kCopy).address_of(1) == 0x1000);
}

TEST_CASE("Below the end of low memory pages go one by one, from there on as many as there are") {
  CHECK(Placement::together(0, 7) == 1);
  CHECK(Placement::together(kLowPages - 1, 7) == 1);
  CHECK(Placement::together(kLowPages, 7) == 7);
  CHECK(Placement::together(0x100000, 1) == 1);
}

TEST_CASE("Pages that follow each other in memory and in the batch are written at once") {
  CHECK(Batch().data(0x100, 5).written() == Lines{"write 0x100000 5 pages from 0"});
}

TEST_CASE("A gap in memory or in the batch begins a new write") {
  CHECK(Batch().data(0x100, 2).data(0x103, 2).written() ==
        Lines{"write 0x100000 2 pages from 0", "write 0x103000 2 pages from 2"});
  CHECK(Batch().data(0x100, 2).gap().data(0x102, 2).written() ==
        Lines{"write 0x100000 2 pages from 0", "write 0x102000 2 pages from 2"});
}

TEST_CASE("Pages of one byte are filled, in one piece, and end the run of pages before them") {
  CHECK(Batch().data(0x100, 2).run(0x102, 3, PageState::Fill).data(0x105).written() ==
        Lines{"write 0x100000 2 pages from 0", "fill 0x102000 3 pages with 0",
              "write 0x105000 1 pages from 2"});
  CHECK(Batch().run(0x200, 1000, PageState::Fill, 0xFF).written() ==
        Lines{"fill 0x200000 1000 pages with 255"});
}

TEST_CASE("Absent and unreadable pages are left as they are, and the pages behind them are not moved") {
  CHECK(Batch()
            .data(0x100)
            .run(0x101, 4, PageState::Absent)
            .data(0x105)
            .run(0x106, 1, PageState::Unreadable)
            .data(0x107)
            .written() == Lines{"write 0x100000 1 pages from 0", "write 0x105000 1 pages from 1",
                                "write 0x107000 1 pages from 2"});
  CHECK(Batch().run(0, 9, PageState::Absent).run(9, 1, PageState::Unreadable).written().empty());
  CHECK(Batch().written().empty());
}

TEST_CASE("Low pages and low fills go one by one into the copy") {
  const Placement placement({{0x1000, 0x2000}, {0x5000, 0x1000}}, kCopy);
  CHECK(Batch().data(1, 2).data(5).written(placement) == Lines{"write 0x10000000 1 pages from 0",
                                                               "write 0x10001000 1 pages from 1",
                                                               "write 0x10002000 1 pages from 2"});
  CHECK(Batch().run(1, 5, PageState::Fill, 7).written(placement) ==
        Lines{"fill 0x10000000 1 pages with 7", "fill 0x10001000 1 pages with 7",
              "fill 0x3000 1 pages with 7", "fill 0x4000 1 pages with 7", "fill 0x10002000 1 pages with 7"});
}

TEST_CASE("A run over the end of low memory is single pages below it and one piece above") {
  const Placement placement({{kLowEnd - 0x1000, 0x1000}}, kCopy);
  CHECK(Batch().data(kLowPages - 2, 5).written(placement) == Lines{"write 0x9e000 1 pages from 0",
                                                                   "write 0x10000000 1 pages from 1",
                                                                   "write 0xa0000 3 pages from 2"});
  CHECK(
      Batch().run(kLowPages - 2, 5, PageState::Fill).written(placement) ==
      Lines{"fill 0x9e000 1 pages with 0", "fill 0x10000000 1 pages with 0", "fill 0xa0000 3 pages with 0"});
}

TEST_CASE(
    "The first page that cannot be placed ends the batch with that error, and nothing is written after it") {
  Batch batch;
  batch.data(0x100).run(0x101, 1, PageState::Fill).data(0x102);
  for (const std::size_t fail_at : {0U, 1U, 2U}) {
    Calls calls;
    calls.fail_at = fail_at;
    const auto done = batch.written_to(calls);
    REQUIRE_FALSE(done);
    CHECK(done.error().kind == ErrorKind::Refused);
    CHECK(done.error().line() == "memory: not the machine's, expected RAM");
    CHECK(calls.all.size() == fail_at);
  }
}
