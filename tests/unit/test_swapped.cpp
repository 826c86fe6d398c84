// Swapped-out pages beside memory: through the pipeline, into a .hib image and out of it, and damaged there.
#include "lib/image/swapped.h"

#include "lib/ops/diff.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

constexpr std::size_t kMemoryPages = 40;
constexpr std::size_t kSlots = 24;
constexpr std::size_t kPage = 4096;

// Memory, and slots, each from a raw file.
class Hibernated final : public ImageReader {
 public:
  Hibernated(const std::string& memory, const std::string& slots)
      : memory_(open_or_fail(memory, false, "raw")), slots_(open_or_fail(slots, false, "raw")) {}
  const ImageInfo& info() const override { return memory_->info(); }
  const std::vector<Record>& records() const override { return memory_->records(); }
  Result<std::unique_ptr<RunSource>> runs() const override { return memory_->runs(); }
  Result<std::unique_ptr<BatchSource>> batches() const override { return memory_->batches(); }
  void load(PageBatch& batch) const override { memory_->load(batch); }
  Result<void> read_page(Pfn pfn, MutableBytes out) const override { return memory_->read_page(pfn, out); }
  Result<RangeMap> map() const override { return memory_->map(); }
  StructureCheck check_structure() const override { return memory_->check_structure(); }
  const ImageReader* swapped_pages() const override { return slots_.get(); }

 private:
  std::unique_ptr<ImageReader> memory_;
  std::unique_ptr<ImageReader> slots_;
};

struct Sample {
  TempFolder folder;
  std::vector<std::byte> memory = sample_memory(kMemoryPages, 1);
  std::vector<std::byte> slots = sample_memory(kSlots, 2);
  std::string hib = folder.file("image.hib");
  hib_image::WriterStatistics statistics;

  Sample() {
    // The last slot is like a page of memory.
    std::copy_n(memory.end() - kPage, kPage, slots.end() - kPage);
    write_file(folder.file("memory"), memory);
    write_file(folder.file("slots"), slots);
    statistics = pack_into(hib, false);
  }

  Hibernated machine() const { return {folder.file("memory"), folder.file("slots")}; }

  hib_image::WriterStatistics pack_into(const std::string& path, bool without_swapped) const {
    const Hibernated source = machine();
    hib_image::WriterOptions options;
    options.chunk_pages = 4;
    options.without_swapped = without_swapped;
    auto output = must(Output::create(path, true));
    const auto sink = hib_image::make_writer(*output, source, {}, options);
    PipelineOptions pipeline;
    pipeline.with_swapped = !without_swapped;
    must(run_pipeline(source, sink.get(), pipeline));
    return sink->statistics();
  }
};

}  // namespace

TEST_CASE("A .hib image gives back memory and swapped-out pages, each by its own numbers") {
  const Sample sample;
  const auto image = open_or_fail(sample.hib);
  REQUIRE(image->swapped_pages() != nullptr);
  std::vector<std::byte> page(kPage);
  for (std::size_t i = 0; i < kMemoryPages; ++i) {
    must(image->read_page(i, page));
    CHECK(
        std::equal(page.begin(), page.end(), sample.memory.begin() + static_cast<std::ptrdiff_t>(i * kPage)));
  }
  for (std::size_t i = 0; i < kSlots; ++i) {
    must(image->swapped_pages()->read_page(i, page));
    CHECK(
        std::equal(page.begin(), page.end(), sample.slots.begin() + static_cast<std::ptrdiff_t>(i * kPage)));
  }
  CHECK(image->info().pages.total() == kMemoryPages);
  CHECK(image->info().end_pfn == kMemoryPages);
  CHECK(image->swapped_pages()->info().pages.total() == kSlots);
  CHECK(image->swapped_pages()->info().end_pfn == kSlots);
  CHECK(image->read_page(kFirstSwapped, page).error().kind == ErrorKind::NoPage);
}

TEST_CASE("Counts and content digest of memory do not change with the swapped-out pages beside it") {
  const Sample sample;
  const std::string without = sample.folder.file("without.hib");
  sample.pack_into(without, true);
  const auto with_them = open_or_fail(sample.hib);
  const auto alone = open_or_fail(without);
  CHECK(alone->swapped_pages() == nullptr);
  CHECK(with_them->info().content_digest == alone->info().content_digest);
  CHECK(with_them->info().pages == alone->info().pages);
}

TEST_CASE("A slot that is equal to a page of memory is stored once") {
  const Sample sample;
  CHECK(sample.statistics.equal_pages >= 1);
  CHECK(sample.statistics.swapped_pages == kSlots);
}

TEST_CASE(
    "verify proves memory and swapped-out pages; a changed byte of a slot is damage, and says which slots") {
  const Sample sample;
  CHECK(must(verify(*open_or_fail(sample.hib, true), 1, {})).verdict == Verdict::Good);
  const auto good = read_file(sample.hib);
  const auto image = open_or_fail(sample.hib);
  const auto map = must(image->map()).tiled(good.size());
  const auto last_pages = std::find_if(
      map.rbegin(), map.rend(), [](const LabelledRange& range) { return range.label.starts_with("PAGES"); });
  REQUIRE(last_pages != map.rend());
  auto damaged = good;
  damaged[last_pages->offset + last_pages->size - 20] ^= std::byte{1};
  write_file(sample.hib, damaged);
  const auto report = must(verify(*open_or_fail(sample.hib, true), 1, {}));
  CHECK(report.verdict == Verdict::Damaged);
  REQUIRE(report.swapped);
  CHECK(report.swapped->unreadable > 0);
  CHECK(report.pages.unreadable == 0);
  REQUIRE(report.damage.size() == 1);
  REQUIRE_FALSE(report.damage[0].lost_pfns.empty());
  for (const auto& [first, count] : report.damage[0].lost_pfns) CHECK(is_swapped(first));
}

TEST_CASE("Without index and root the slots are still found by their blocks") {
  const Sample sample;
  auto cut = read_file(sample.hib);
  cut.resize(cut.size() - 200);
  write_file(sample.hib, cut);
  const auto image = open_or_fail(sample.hib, true);
  REQUIRE(image->swapped_pages() != nullptr);
  CHECK(image->info().pages.total() == kMemoryPages);
  CHECK(image->swapped_pages()->info().pages.total() == kSlots);
  std::vector<std::byte> page(kPage);
  must(image->swapped_pages()->read_page(kSlots - 1, page));
  CHECK(std::equal(page.begin(), page.end(), sample.slots.end() - kPage));
}

TEST_CASE("diff compares swapped-out pages by their slots") {
  Sample sample;
  sample.slots[3 * kPage + 5] ^= std::byte{1};
  write_file(sample.folder.file("slots"), sample.slots);
  const Hibernated machine = sample.machine();
  const auto report = must(diff(*open_or_fail(sample.hib), machine, {}));
  CHECK(report.identical_memory());
  CHECK_FALSE(report.identical());
  REQUIRE(report.swapped != nullptr);
  CHECK(report.swapped->changed_ranges == std::vector<PfnRange>{{3, 1}});
  const auto memory_alone = open_or_fail(sample.folder.file("memory"), false, "raw");
  CHECK(must(diff(*memory_alone, machine, {})).swapped_on_one_side);
}

TEST_CASE("A version that does not know the feature refuses the image by its name") {
  const Sample sample;
  const auto raw = read_file(sample.hib);
  CHECK(raw[16] == std::byte{4});  // incompatible features: bit 2
  const std::string name(reinterpret_cast<const char*>(raw.data()) + 1376 + 64 + 4, 13);
  CHECK(name == "swapped-pages");
}
