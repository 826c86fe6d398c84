// What a mounted image consists of, without FUSE: files that exist only as a layout, the cache of decoded
// units, the order of reading.
#include <atomic>
#include <random>
#include <thread>

#include "lib/image/runs.h"
#include "lib/mount/image_files.h"
#include "lib/mount/layout_file.h"
#include "lib/mount/read_order.h"
#include "lib/mount/text_file.h"
#include "lib/mount/workers.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using mount::Outcome;
using mount::Wait;

namespace {

constexpr std::size_t kPage = 4096;

std::vector<std::byte> restored(const ImageReader& source, const std::string& format,
                                const std::string& path) {
  auto output = must(Output::create(path, true));
  auto sink = must(formats().find(format)->write(*output, source, {}));
  PipelineOptions options;
  options.salvage = true;
  must(run_pipeline(source, sink.get(), options));
  return read_file(path);
}

PackOptions in_chunks_of(std::uint32_t pages) {
  PackOptions options;
  options.chunk_pages = pages;
  return options;
}

std::vector<std::byte> all_of(const mount::Content& file) {
  std::vector<std::byte> bytes(file.size());
  REQUIRE(file.read(0, bytes, Wait::Yes) == Outcome::Read);
  return bytes;
}

// Pages whose state is told beforehand; a data page is full of its number.
class StatesReader final : public ImageReader {
 public:
  explicit StatesReader(std::vector<PageRun> runs) : runs_(std::move(runs)) {
    info_.page_size = kPage;
    info_.end_pfn = runs_.back().end();
    for (const PageRun& run : runs_) info_.pages.add(run);
  }
  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override { return source_of(runs_); }
  void load(PageBatch& batch) const override {
    for (const PageRun& run : batch.runs) batch.items.push_back({run, nullptr, {}});
  }
  Result<void> read_page(Pfn pfn, MutableBytes out) const override {
    REQUIRE(out.size() == kPage);
    ++pages_read;
    if (pfn == broken) return fail(make_error(ErrorKind::Corrupt, "page", "broken"));
    std::fill(out.begin(), out.end(), static_cast<std::byte>(pfn));
    return {};
  }
  Result<RangeMap> map() const override { return RangeMap(); }
  StructureCheck check_structure() const override { return {}; }

  Pfn broken = kMaxPfn;
  mutable std::atomic<int> pages_read = 0;

 private:
  std::vector<PageRun> runs_;
  ImageInfo info_;
  std::vector<Record> records_;
};

// Page 0 zero, 1 and 2 data, 3 absent, 4 and 5 a hole, 6 data, 7 a fill with 7s, 8 unreadable, 9 data.
StatesReader every_state() {
  return StatesReader({{0, 1, PageState::Fill, 0},
                       {1, 2, PageState::Data, 0},
                       {3, 1, PageState::Absent, 0},
                       {6, 1, PageState::Data, 0},
                       {7, 1, PageState::Fill, 7},
                       {8, 1, PageState::Unreadable, 0},
                       {9, 1, PageState::Data, 0}});
}

struct RawFile {
  std::shared_ptr<mount::Memory> memory;
  mount::LayoutFile file;

  RawFile(const ImageReader& image, mount::MemoryOptions options = {})
      : memory(must(mount::Memory::of(image, std::move(options)))),
        file(must(formats().find("raw")->layout(image)), memory) {}

  Outcome outcome(std::uint64_t offset, std::size_t bytes) const {
    std::vector<std::byte> out(bytes);
    return file.read(offset, out, Wait::Yes);
  }
  std::vector<std::byte> at(std::uint64_t offset, std::size_t bytes) const {
    std::vector<std::byte> out(bytes);
    REQUIRE(file.read(offset, out, Wait::Yes) == Outcome::Read);
    return out;
  }
};

}  // namespace

TEST_CASE("a layout is the file that restore writes, from every offset and in every length") {
  const TempFolder folder;
  const std::string raw = folder.file("m.raw");
  const std::string hib = folder.file("m.hib");
  write_file(raw, sample_memory(70, 5));
  pack(raw, hib, in_chunks_of(8));
  const auto source = GENERATE(true, false) ? open_or_fail(raw, false, "raw") : open_or_fail(hib);
  for (const char* format : {"raw", "elf", "lime"}) {
    INFO(format);
    const auto written = restored(*source, format, folder.file("out"));
    const std::shared_ptr<mount::Memory> memory =
        must(mount::Memory::of(*source, {.cache_bytes = 3 * 8 * kPage}));
    const mount::LayoutFile file(must(formats().find(format)->layout(*source)), memory);
    REQUIRE(file.size() == written.size());
    CHECK(all_of(file) == written);
    std::mt19937 random(7);
    std::vector<std::uint64_t> edges = {0, 1, 63, 64, 4095, 4096, 4097, file.size() - 4097, file.size() - 1};
    for (int i = 0; i < 300; ++i) edges.push_back(random() % file.size());
    std::size_t wrong = 0;
    for (const std::uint64_t from : edges) {
      for (const std::uint64_t length : {1, 2, 4095, 4096, 4097, 3 * 4096 + 5, 100'000}) {
        std::vector<std::byte> out(std::min<std::uint64_t>(length, file.size() - from));
        REQUIRE(file.read(from, out, Wait::Yes) == Outcome::Read);
        wrong +=
            std::equal(out.begin(), out.end(), written.begin() + static_cast<std::ptrdiff_t>(from)) ? 0 : 1;
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("what cannot be read is an error for exactly its pages") {
  const StatesReader image = every_state();
  const RawFile raw(image);
  REQUIRE(raw.file.size() == 10 * kPage);
  for (const Pfn readable : {0, 1, 2, 4, 5, 6, 7, 9}) {
    INFO(readable);
    CHECK(raw.outcome(readable * kPage, kPage) == Outcome::Read);
  }
  CHECK(raw.outcome(3 * kPage, kPage) == Outcome::Unreadable);
  CHECK(raw.outcome(8 * kPage, kPage) == Outcome::Unreadable);
  CHECK(raw.outcome(3 * kPage + 4095, 1) == Outcome::Unreadable);
  CHECK(raw.outcome(3 * kPage - 1, 2) == Outcome::Unreadable);
  CHECK(raw.outcome(3 * kPage - 1, 1) == Outcome::Read);
  CHECK(raw.outcome(4 * kPage, 2 * kPage) == Outcome::Read);
  CHECK(raw.at(7 * kPage + 4095, 1)[0] == std::byte{7});
  CHECK(raw.at(6 * kPage - 1, 2) == std::vector<std::byte>{std::byte{0}, std::byte{6}});
}

TEST_CASE("absent pages read as zeros where that is wanted, lost ones never") {
  const StatesReader image = every_state();
  const RawFile raw(image, {.absent_is_zero = true});
  CHECK(raw.at(3 * kPage, kPage) == std::vector<std::byte>(kPage));
  CHECK(raw.outcome(8 * kPage, kPage) == Outcome::Unreadable);
}

TEST_CASE("a page that breaks when it is read is said, and the pages beside it are read") {
  StatesReader image = every_state();
  image.broken = 2;
  std::vector<std::string> said;
  mount::MemoryOptions options;
  options.on_error = [&](const Error& error) { said.push_back(error.found); };
  const RawFile raw(image, options);
  CHECK(raw.outcome(2 * kPage, kPage) == Outcome::Unreadable);
  CHECK(raw.outcome(1 * kPage, kPage) == Outcome::Read);
  CHECK(said == std::vector<std::string>{"broken"});
}

TEST_CASE("holes are zero pages and what is no memory, and absent pages only where they read as zeros") {
  const StatesReader image = every_state();
  const RawFile raw(image);
  CHECK(raw.file.next_data(0) == 1 * kPage);
  CHECK(raw.file.next_data(1 * kPage + 5) == 1 * kPage + 5);
  CHECK(raw.file.next_hole(1 * kPage) == 4 * kPage);
  CHECK(raw.file.next_hole(4 * kPage + 1) == 4 * kPage + 1);
  CHECK(raw.file.next_data(4 * kPage) == 6 * kPage);
  CHECK(raw.file.next_hole(6 * kPage) == 10 * kPage);
  CHECK(raw.file.stored_bytes() == 7 * kPage);
  const RawFile zeros(image, {.absent_is_zero = true});
  CHECK(zeros.file.next_hole(1 * kPage) == 3 * kPage);
  CHECK(zeros.file.stored_bytes() == 6 * kPage);
}

TEST_CASE(
    "pages that need no reading never wait, the others do when they are decoded together or read singly") {
  const TempFolder folder;
  const StatesReader image = every_state();
  const RawFile raw(image);
  std::vector<std::byte> out(kPage);
  CHECK(raw.file.read(0, out, Wait::No) == Outcome::Read);
  CHECK(raw.file.read(4 * kPage, out, Wait::No) == Outcome::Read);
  CHECK(raw.file.read(3 * kPage, out, Wait::No) == Outcome::Unreadable);
  CHECK(raw.file.read(6 * kPage, out, Wait::No) == Outcome::NotYet);

  const std::string path = folder.file("m.raw");
  std::vector<std::byte> noise(64 * kPage);
  std::mt19937 random(1);
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
  write_file(path, noise);
  pack(path, folder.file("m.hib"), in_chunks_of(8));
  const auto packed = open_or_fail(folder.file("m.hib"));
  const RawFile chunks(*packed);
  CHECK(chunks.file.read(20 * kPage, out, Wait::No) == Outcome::NotYet);
  CHECK(chunks.file.read(20 * kPage, out, Wait::Yes) == Outcome::Read);
  CHECK(chunks.file.read(17 * kPage, out, Wait::No) == Outcome::Read);  // of the same chunk
  const auto range = chunks.file.unit_range_at(20 * kPage);
  REQUIRE(range);
  CHECK(range->start == 16 * kPage);
  CHECK(range->bytes == 8 * kPage);
}

TEST_CASE("a broken chunk costs its own pages") {
  const TempFolder folder;
  const std::string path = folder.file("m.raw");
  const std::string hib = folder.file("m.hib");
  std::vector<std::byte> noise(64 * kPage);
  std::mt19937 random(1);
  for (std::byte& byte : noise) byte = static_cast<std::byte>(random());
  write_file(path, noise);
  pack(path, hib, in_chunks_of(8));
  auto bytes = read_file(hib);
  const auto page =
      std::search(bytes.begin(), bytes.end(), noise.begin() + 20 * kPage, noise.begin() + 20 * kPage + 64);
  REQUIRE(page != bytes.end());  // noise is stored as it is
  *page ^= std::byte{1};
  write_file(hib, bytes);
  const auto image = open_or_fail(hib);
  const RawFile raw(*image);
  CHECK(raw.outcome(20 * kPage, kPage) == Outcome::Unreadable);
  for (const Pfn beside : {15, 24}) {
    const auto expected = ByteView(noise).subspan(beside * kPage, kPage);
    CHECK(raw.at(beside * kPage, kPage) == std::vector<std::byte>(expected.begin(), expected.end()));
  }
}

TEST_CASE("many threads read the same bytes at random places of a small cache") {
  const TempFolder folder;
  const std::string path = folder.file("m.raw");
  const auto memory = sample_memory(500, 9);
  write_file(path, memory);
  pack(path, folder.file("m.hib"), in_chunks_of(16));
  const auto image = open_or_fail(folder.file("m.hib"));
  const RawFile raw(*image, {.cache_bytes = 2 * 16 * kPage});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (unsigned seed = 0; seed < 8; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 300; ++i) {
        std::vector<std::byte> out(1 + random() % 20'000);
        const std::uint64_t from = random() % (raw.file.size() - out.size());
        const bool is_right =
            raw.file.read(from, out, Wait::Yes) == Outcome::Read &&
            std::equal(out.begin(), out.end(), memory.begin() + static_cast<std::ptrdiff_t>(from));
        wrong += is_right ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

namespace {

mount::DecodedUnit unit_of_one_page(std::size_t number, std::shared_ptr<std::vector<std::byte>> bytes) {
  PageBatch batch;
  batch.pages = bytes;
  batch.items.push_back({{number, 1, PageState::Data, 0}, bytes->data(), {}});
  return {std::move(batch), kPage};
}

}  // namespace

TEST_CASE("a unit that is being decoded is waited for, and not decoded twice") {
  std::atomic<int> decoded = 0;
  std::atomic<int> asking = 0;
  constexpr int kThreads = 6;
  mount::UnitCache cache(1 << 20, [&](std::size_t number) {
    ++decoded;
    while (asking < kThreads) std::this_thread::yield();  // all others have come meanwhile
    return unit_of_one_page(number, std::make_shared<std::vector<std::byte>>(kPage));
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      ++asking;
      const auto unit = cache.get(3);
      if (unit->find(3) == nullptr || unit->find(4) != nullptr) std::abort();
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(decoded == 1);
  CHECK(cache.find(3) != nullptr);
}

TEST_CASE("the cache keeps what was used last, within its limit") {
  std::vector<std::size_t> decoded;
  mount::UnitCache cache(3 * (kPage + sizeof(PageItem)), [&](std::size_t number) {
    decoded.push_back(number);
    return unit_of_one_page(number, std::make_shared<std::vector<std::byte>>(kPage));
  });
  for (const std::size_t unit : {1, 2, 3, 1, 4}) cache.get(unit);
  CHECK(cache.find(2) == nullptr);
  for (const std::size_t unit : {1, 3, 4}) CHECK(cache.find(unit) != nullptr);
  CHECK(decoded == std::vector<std::size_t>{1, 2, 3, 4});
}

TEST_CASE("no memory for a unit is an error for who asks, and the next one tries again") {
  int attempts = 0;
  mount::UnitCache cache(1 << 20, [&](std::size_t number) {
    if (++attempts == 1) throw std::bad_alloc();
    return unit_of_one_page(number, std::make_shared<std::vector<std::byte>>(kPage));
  });
  CHECK_THROWS_AS(cache.get(1), std::bad_alloc);
  CHECK_FALSE(cache.is_known(1));
  CHECK(cache.get(1)->find(1) != nullptr);
}

TEST_CASE("reading in order is noticed at the second step, and jumps end it") {
  mount::ReadOrder order;
  CHECK(order.next(10) == 0);
  CHECK(order.next(10) == 0);
  CHECK(order.next(11) == 1);
  CHECK(order.next(11) == 1);
  CHECK(order.next(12) == 2);
  CHECK(order.next(15) == 3);  // 13 and 14 were ready: the system did not ask for them
  CHECK(order.next(500) == 0);
  CHECK(order.next(499) == 0);
  CHECK(order.next(500) == 1);
}

TEST_CASE("reading ahead has a limit") {
  mount::ReadOrder order;
  for (std::size_t unit = 0; unit < 100; ++unit) CHECK(order.next(unit) <= 4);
}

TEST_CASE("a text that takes long is made once, and an attempt that failed is made again") {
  int attempts = 0;
  mount::TextFile file([&]() -> Result<std::string> {
    if (++attempts == 1) return fail(make_error(ErrorKind::Io, "map", "no answer"));
    return std::string("abcdef");
  });
  CHECK_FALSE(file.is_ready());
  CHECK_FALSE(file.prepare());
  CHECK_FALSE(file.is_ready());
  CHECK(file.prepare());
  CHECK(file.prepare());
  CHECK(attempts == 2);
  std::vector<std::byte> out(3);
  CHECK(file.read(2, out, Wait::No) == Outcome::Read);
  CHECK(as_text(out) == "cde");
}

TEST_CASE("workers answer for every task that they were given, also when they are stopped") {
  std::atomic<int> done = 0;
  std::atomic<int> told = 0;
  {
    mount::Workers workers;
    must(workers.start(2));
    for (int i = 0; i < 1000; ++i) workers.add([&](bool is_stopped) { ++(is_stopped ? told : done); });
    workers.stop();
    CHECK(done + told == 1000);
  }
  CHECK(done + told == 1000);
}
