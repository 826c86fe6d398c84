// kdump-compressed dumps: what the writer promises, what the reader accepts, refuses and says.

#include <sys/stat.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/format.h>

#include "format/kdump/bitmap.h"
#include "format/kdump/layout.h"
#include "format/kdump/writer.h"
#include "lib/codec/lzo.h"
#include "lib/codec/snappy.h"
#include "lib/codec/zlib.h"
#include "lib/image/content_digest.h"
#include "lib/image/dump_file.h"
#include "lib/image/vmcore_notes.h"
#include "tests/support/flattened.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using kdump::Codec;

namespace {

constexpr std::array kCodecs = {Codec::None, Codec::Zlib, Codec::Lzo, Codec::Snappy, Codec::Zstd};
constexpr std::size_t kPage = 4096;

// An image in memory with every state of a page; pages of `broken` turn out unreadable when they are loaded.
class MemoryImage final : public ImageReader {
 public:
  MemoryImage(std::vector<PageRun> runs, unsigned seed, std::uint32_t page_size = kPage)
      : runs_(std::move(runs)) {
    info_.format = "memory";
    info_.page_size = page_size;
    for (const PageRun& run : runs_) {
      info_.pages.add(run);
      info_.end_pfn = run.end();
    }
    seed_ = seed;
  }
  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override {
    struct Runs final : RunSource {
      std::vector<PageRun> runs;
      std::size_t next_run = 0;
      Result<std::optional<PageRun>> next() override {
        return next_run < runs.size() ? std::optional(runs[next_run++]) : std::nullopt;
      }
    };
    auto source = std::make_unique<Runs>();
    source->runs = runs_;
    return std::unique_ptr<RunSource>(std::move(source));
  }
  // Every third page is zero, every third of one byte, every third noise and text: some shrink, some do not.
  std::vector<std::byte> page(Pfn pfn) const {
    std::vector<std::byte> bytes(info_.page_size);
    const bool is_fill = std::any_of(runs_.begin(), runs_.end(), [&](const PageRun& r) {
      return r.state == PageState::Fill && pfn >= r.first && pfn < r.end();
    });
    if (is_fill) return bytes;
    if (pfn % 3 == 1) std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>(pfn + seed_));
    std::mt19937 random(static_cast<unsigned>(pfn) + seed_);
    if (pfn % 3 == 2)
      std::generate(bytes.begin(), bytes.end(),
                    [&] { return static_cast<std::byte>(pfn % 2 == 0 ? random() : random() % 3); });
    return bytes;
  }
  void load(PageBatch& batch) const override {
    for (const PageRun& run : batch.runs)
      batch.buffer.resize(batch.buffer.size() +
                          (run.state == PageState::Data ? run.count * info_.page_size : 0));
    std::byte* out = batch.buffer.data();
    for (const PageRun& run : batch.runs) {
      if (run.state != PageState::Data) {
        batch.items.push_back({run, nullptr, {}});
        continue;
      }
      for (Pfn pfn = run.first; pfn < run.end(); ++pfn, out += info_.page_size) {
        if (std::find(broken.begin(), broken.end(), pfn) != broken.end()) {
          batch.items.push_back({{pfn, 1, PageState::Unreadable, 0}, nullptr, {}});
          continue;
        }
        const auto bytes = page(pfn);
        std::copy(bytes.begin(), bytes.end(), out);
        classify_pages(pfn, 1, out, info_.page_size, batch.items);
      }
    }
  }
  Result<void> read_page(Pfn pfn, MutableBytes out) const override {
    const auto bytes = page(pfn);
    std::copy(bytes.begin(), bytes.end(), out.begin());
    return {};
  }
  Result<RangeMap> map() const override { return RangeMap(); }
  StructureCheck check_structure() const override { return {}; }

  ImageInfo info_;
  std::vector<Record> records_;
  std::vector<Pfn> broken;

 private:
  std::vector<PageRun> runs_;
  unsigned seed_ = 0;
};

// Data, a hole, absent pages, data that starts and ends inside a byte of the bitmap.
MemoryImage every_state(std::uint32_t page_size = kPage) {
  MemoryImage image({{0, 70, PageState::Data, 0},
                     {70, 13, PageState::Absent, 0},
                     {131, 66, PageState::Data, 0},
                     {300, 4, PageState::Fill, 0},
                     {304, 1, PageState::Unreadable, 0}},
                    7, page_size);
  set_vmcoreinfo(image.records_, "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nNUMBER(phys_base)=1048576\n");
  Record processors{std::string(kProcessorsRecord), 1, {}};
  for (std::uint64_t i = 0; i < 2; ++i) {
    processors.fields.push_back({"note", FieldList{{"name", std::string("CORE")},
                                                   {"type", std::uint64_t{1}},
                                                   {"desc", std::vector<std::byte>(336, std::byte{0x5A})}}});
  }
  image.records_.push_back(std::move(processors));
  image.info_.kernel = {"6.1.0-test", "#1 SMP test", "x86_64"};
  return image;
}

void write_dump(const ImageReader& source, const std::string& path, Codec codec, unsigned threads = 2) {
  auto output = must(Output::create(path, true));
  const auto sink = must(kdump::make_writer(*output, source, codec));
  PipelineOptions options;
  options.threads = threads;
  options.salvage = true;
  must(run_pipeline(source, sink.get(), options));
}

// The bytes that come out of a pipe.
std::vector<std::byte> write_to_pipe(const ImageReader& source, const TempFolder& folder, Codec codec) {
  const std::string pipe = folder.file("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::vector<std::byte> bytes;
  std::thread reader([&] { bytes = read_file(pipe); });
  write_dump(source, pipe, codec);
  reader.join();
  return bytes;
}

// One file of a dump: write() puts variants of it in its place.
struct Dump {
  TempFolder folder;
  std::string path = folder.file("dump");
  std::vector<std::byte> good;

  explicit Dump(const ImageReader& source, Codec codec = Codec::Lzo, bool flattened = false) {
    if (flattened) {
      good = write_to_pipe(source, folder, codec);
    } else {
      write_dump(source, path, codec);
      good = read_file(path);
    }
    write_file(path, good);
  }
  template <typename T>
  void with(std::size_t offset, const T& value) const {
    auto bytes = good;
    REQUIRE(offset + sizeof(value) <= bytes.size());
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    write_file(path, bytes);
  }
  template <typename T>
  T at(std::size_t offset) const {
    T value;
    std::memcpy(&value, good.data() + offset, sizeof(value));
    return value;
  }
  std::size_t descriptors() const {
    const auto header = at<kdump::Header>(0);
    return (std::size_t{1} + header.sub_header_blocks + header.bitmap_blocks) * header.block_size;
  }
  std::size_t descriptor(std::size_t number) const {
    return descriptors() + number * sizeof(kdump::PageDescriptor);
  }
};

void check_refused(const std::string& path, ErrorKind kind, std::uint64_t offset, const std::string& field) {
  INFO(field);
  const auto image = open_image(path, "", {});
  REQUIRE_FALSE(image);
  CHECK(name_of(image.error().kind) == name_of(kind));
  CHECK(image.error().offset == offset);
  CHECK(image.error().file == path);
  CHECK(image.error().where.find(field) != std::string::npos);
  CHECK_FALSE(image.error().found.empty());
  CHECK_FALSE(image.error().allowed.empty());
}

// Pages that the image says it has, and whose bytes are not those of the source.
std::size_t wrong_pages(const ImageReader& image, const MemoryImage& source, PageCounts& counts) {
  std::size_t wrong = 0;
  PipelineOptions options;
  options.threads = 1;
  options.inspect = [&](const PageBatch& batch) -> Result<void> {
    for (const PageItem& item : batch.items) {
      for (Pfn pfn = item.run.first; item.run.is_present() && pfn < item.run.end(); ++pfn) {
        const auto expected = source.page(pfn);
        const bool equal = item.run.state == PageState::Data
                               ? std::memcmp(item.bytes, expected.data(), expected.size()) == 0
                               : fill_value(expected) == item.run.fill;
        if (!equal) ++wrong;
      }
    }
    return {};
  };
  counts = read_all(image, options).pages;
  return wrong;
}

void check_truncations(const MemoryImage& source, const Dump& dump, std::size_t step) {
  std::size_t opened = 0;
  for (std::size_t size = 0; size < dump.good.size(); size += step) {
    write_file(dump.path, ByteView(dump.good).first(size));
    const auto image = open_image(dump.path, "", {});
    if (!image) continue;
    ++opened;
    INFO("cut to " << size);
    PageCounts counts;
    CHECK(wrong_pages(**image, source, counts) == 0);
    CHECK((*image)->info().state == ImageState::Incomplete);
    CHECK_FALSE((*image)->info().damage.empty());
    std::uint64_t lost = 0;
    for (const Damage& damage : (*image)->info().damage) {
      for (const auto& [first, count] : damage.lost_pfns) lost += count;
    }
    CHECK(lost == counts.unreadable);
  }
  CHECK(opened > 10);
}

// The damage that a page read costs, when it is exactly that one page.
Error only_damage(const std::string& path, Pfn pfn) {
  const auto image = open_or_fail(path);
  const auto result = read_all(*image);
  REQUIRE(result.damage.size() == 1);
  CHECK(result.damage[0].lost_pfns == std::vector<PfnRange>{{pfn, 1}});
  CHECK(result.damage[0].error.where.find(fmt::format("PFN {:#x}", pfn)) != std::string::npos);
  std::vector<std::byte> page(kPage);
  CHECK_FALSE(image->read_page(pfn, page));
  return result.damage[0].error;
}

bool has_finding(const ImageReader& image, std::string_view code) {
  const auto& findings = image.info().findings;
  return std::any_of(findings.begin(), findings.end(), [&](const Finding& f) { return f.code == code; });
}

LayerResult layer(const ImageReader& image, std::string_view name) {
  for (const Layer& l : image.check_structure().layers) {
    if (l.name == name) return l.result;
  }
  FAIL("no layer " << name);
  return LayerResult::Bad;
}

}  // namespace

// ---- writer and reader

TEST_CASE("The sub-header says where physical memory begins: phys_base of x86-64, PHYS_OFFSET of arm64") {
  MemoryImage image = every_state();
  const auto stored = [&] {
    le64 phys_base;
    const Dump dump(image);
    std::memcpy(&phys_base, dump.good.data() + kPage, sizeof(phys_base));
    return std::uint64_t{phys_base};
  };
  CHECK(stored() == 1048576);
  set_vmcoreinfo(image.records_,
                 "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nNUMBER(PHYS_OFFSET)=0xfffff76740000000\n");
  CHECK(stored() == 0xFFFFF76740000000);
}

TEST_CASE("A dump written with any codec and page size reads back the same pages in the same states") {
  for (const std::uint32_t page_size : {4096U, 65536U}) {
    const MemoryImage source = every_state(page_size);
    for (const Codec codec : kCodecs) {
      const Dump dump(source, codec);
      const auto image = open_or_fail(dump.path);
      PageCounts counts;
      CHECK(wrong_pages(*image, source, counts) == 0);
      CHECK(counts.present() == 70 + 66 + 4);
      CHECK(counts.absent == 13 + 1);
      CHECK(image->info().page_size == page_size);
      CHECK(image->info().state == ImageState::Complete);
      CHECK(digest_of(*image) == digest_of(source));
    }
  }
}

TEST_CASE("The codec is named as the dump says it") {
  constexpr std::array<std::string_view, kCodecs.size()> names = {"none", "zlib", "lzo", "snappy", "zstd"};
  for (std::size_t i = 0; i < kCodecs.size(); ++i) {
    CHECK(open_or_fail(Dump(every_state(), kCodecs[i]).path)->info().codec == names[i]);
    CHECK(must(kdump::codec_named(std::string(names[i]))) == kCodecs[i]);
  }
  CHECK(kdump::codec_named("gzip").error().kind == ErrorKind::Usage);
}

TEST_CASE("A single page is read like the batches; what is not in the dump is NoPage") {
  const MemoryImage source = every_state();
  const Dump dump(source, Codec::Zstd);
  const auto image = open_or_fail(dump.path);
  std::vector<std::byte> page(kPage);
  for (const Pfn pfn : {Pfn{0}, Pfn{63}, Pfn{64}, Pfn{69}, Pfn{131}, Pfn{196}, Pfn{303}}) {
    must(image->read_page(pfn, page));
    CHECK(page == source.page(pfn));
  }
  CHECK(image->read_page(75, page).error().kind == ErrorKind::NoPage);   // absent
  CHECK(image->read_page(100, page).error().kind == ErrorKind::NoPage);  // a hole
  CHECK(image->read_page(kMaxPfn, page).error().kind == ErrorKind::NoPage);
}

TEST_CASE("Into a pipe a dump is written flattened, with the bytes that a file would have") {
  const MemoryImage source = every_state();
  for (const Codec codec : kCodecs) {
    const Dump plain(source, codec);
    const Dump flat(source, codec, true);
    const auto dump = must(DumpFile::open(must(File::open(flat.path))));
    CHECK(dump.is_flattened());
    CHECK(dump.is_complete());
    REQUIRE(dump.size() == plain.good.size());
    CHECK(must(dump.read_at(0, dump.size())) == plain.good);
    const auto image = open_or_fail(flat.path);
    CHECK(image->info().variant.find("flattened") != std::string::npos);
    CHECK(digest_of(*image) == digest_of(source));
  }
}

TEST_CASE("The same memory gives the same bytes, whatever the number of threads") {
  const MemoryImage source({{0, 5000, PageState::Data, 0}}, 3);
  const TempFolder folder;
  write_dump(source, folder.file("one"), Codec::Lzo, 1);
  write_dump(source, folder.file("four"), Codec::Lzo, 4);
  CHECK(read_file(folder.file("one")) == read_file(folder.file("four")));
}

TEST_CASE("What the source knows of its machine comes back once") {
  const MemoryImage source = every_state();
  for (const bool flattened : {false, true}) {
    const Dump dump(source, Codec::Lzo, flattened);
    const auto image = open_or_fail(dump.path);
    CHECK(image->info().kernel.release == "6.1.0-test");
    CHECK(image->info().kernel.version == "#1 SMP test");
    CHECK(image->info().kernel.machine == "x86_64");
    REQUIRE(vmcoreinfo_of(image->records()) != nullptr);
    CHECK(*vmcoreinfo_of(image->records()) == *vmcoreinfo_of(source.records_));
    CHECK(encode_notes(notes_from_records(image->records())) ==
          encode_notes(notes_from_records(source.records_)));
    CHECK(image->info().findings.empty());
  }
  const Dump dump(source);
  CHECK(dump.at<kdump::Header>(0).cpu_count == 2);
  const auto sub = dump.at<kdump::SubHeader>(kPage);
  CHECK(sub.phys_base == 1048576);
  CHECK(as_text(ByteView(dump.good).subspan(sub.vmcoreinfo_offset, sub.vmcoreinfo_bytes)) ==
        *vmcoreinfo_of(source.records_));
}

TEST_CASE("A header without a kernel release takes it from VMCOREINFO") {
  const Dump dump(every_state());
  dump.with(offsetof(kdump::Header, uts), kdump::Utsname{});
  const auto image = open_or_fail(dump.path);
  CHECK(image->info().kernel.release == "6.1.0-test");
  CHECK_FALSE(image->info().kernel.version);
}

TEST_CASE("Zero pages share one stored page, and a page that does not shrink is stored as it is") {
  const MemoryImage source({{0, 300, PageState::Data, 0}}, 1);
  const Dump dump(source, Codec::Zlib);
  const auto zero = dump.at<kdump::PageDescriptor>(dump.descriptor(0));
  CHECK(std::uint64_t{dump.at<kdump::PageDescriptor>(dump.descriptor(3)).offset} ==
        std::uint64_t{zero.offset});
  CHECK(std::uint32_t{dump.at<kdump::PageDescriptor>(dump.descriptor(2)).flags} == 0);  // noise
  CHECK(std::uint32_t{dump.at<kdump::PageDescriptor>(dump.descriptor(2)).size} == kPage);
  CHECK(std::uint32_t{dump.at<kdump::PageDescriptor>(dump.descriptor(5)).flags} == kdump::kFlagZlib);
}

TEST_CASE("A page that is lost on the way to the dump points at the shared zero page and shifts no other") {
  MemoryImage source = every_state();
  source.broken = {5, 140};
  const Dump dump(source);
  const auto zero = dump.at<kdump::PageDescriptor>(dump.descriptor(0));
  CHECK(std::uint64_t{dump.at<kdump::PageDescriptor>(dump.descriptor(5)).offset} ==
        std::uint64_t{zero.offset});
  source.broken.clear();
  PageCounts counts;
  CHECK(wrong_pages(*open_or_fail(dump.path), source, counts) == 2);
}

TEST_CASE("Memory at high addresses makes a long dump, but not a large one") {
  const Pfn high = (Pfn{1} << 27) + 77;
  const MemoryImage source({{3, 10, PageState::Data, 0}, {high, 40, PageState::Data, 0}}, 5);
  const TempFolder folder;
  write_dump(source, folder.file("dump"), Codec::Lzo);
  struct stat status {};
  REQUIRE(::stat(folder.file("dump").c_str(), &status) == 0);
  CHECK(status.st_size > 32 << 20);
  CHECK(status.st_blocks * 512 < 8 << 20);
  const auto image = open_or_fail(folder.file("dump"));
  CHECK(image->info().end_pfn == high + 40);
  CHECK(digest_of(*image) == digest_of(source));
}

TEST_CASE("An image that a kdump cannot hold is refused before anything is written") {
  const TempFolder folder;
  const auto output = must(Output::create(folder.file("dump"), false));
  CHECK(kdump::make_writer(*output, MemoryImage({}, 1), Codec::Lzo).error().kind == ErrorKind::Unsupported);
  CHECK(kdump::make_writer(*output, MemoryImage({{kMaxPfn - 1, 1, PageState::Data, 0}}, 1), Codec::Lzo)
            .error()
            .kind == ErrorKind::Limit);
}

// ---- headers

TEST_CASE(
    "kdump headers that cannot be are refused, naming the place of the field in the file, flattened or not") {
  const MemoryImage source = every_state();
  for (const bool flattened : {false, true}) {
    const Dump dump(source, Codec::Lzo, flattened);
    const std::size_t start = flattened ? kFlatHeaderBytes + sizeof(FlatRecord) : 0;
    const auto refuses = [&](std::size_t offset, auto value, ErrorKind kind, const std::string& field) {
      dump.with(start + offset, value);
      check_refused(dump.path, kind, start + offset, field);
    };
    using H = kdump::Header;
    using S = kdump::SubHeader;
    refuses(0, std::array<char, 8>{'D', 'I', 'S', 'K', 'D', 'U', 'M', 'P'}, ErrorKind::Unsupported,
            "signature");
    for (const std::uint32_t version : {0U, 7U, 0x01000000U})
      refuses(offsetof(H, version), le32(version), ErrorKind::Unsupported, "header_version");
    for (const std::uint32_t size : {0U, 1U, 2048U, 4097U, 131072U, 1U << 31})
      refuses(offsetof(H, block_size), le32(size), ErrorKind::Corrupt, "block_size");
    refuses(offsetof(H, sub_header_blocks), le32(0), ErrorKind::Corrupt, "sub_hdr_size");
    for (const std::uint32_t blocks : {0U, 3U})
      refuses(offsetof(H, bitmap_blocks), le32(blocks), ErrorKind::Corrupt, "bitmap_blocks");
    for (const std::uint64_t pages :
         {std::uint64_t{0}, std::uint64_t{kPage * 8 + 1}, kMaxPfn + 1, ~std::uint64_t{0}}) {
      refuses(kPage + offsetof(S, max_mapnr_64), le64(pages), ErrorKind::Corrupt, "max_mapnr_64");
    }
  }
  const Dump flat(source, Codec::Lzo, true);
  flat.with(kFlatHeaderBytes + sizeof(FlatRecord), std::array<char, 8>{'K', 'D', 'U', 'M', 'Q'});
  check_refused(flat.path, ErrorKind::Corrupt, kFlatHeaderBytes + sizeof(FlatRecord), "signature");
}

TEST_CASE("Bitmaps that the file cannot hold are Truncated and cost no memory") {
  const Dump dump(every_state());
  auto bytes = dump.good;
  const le32 blocks = 0xFFFFFFFE;
  const le64 pages = std::uint64_t{1} << 39;
  std::memcpy(bytes.data() + offsetof(kdump::Header, bitmap_blocks), &blocks, sizeof(blocks));
  std::memcpy(bytes.data() + kPage + offsetof(kdump::SubHeader, max_mapnr_64), &pages, sizeof(pages));
  write_file(dump.path, bytes);
  check_refused(dump.path, ErrorKind::Truncated, 2 * kPage, "first bitmap");

  // The same with a record so far away that the dump, but not the file, is long enough.
  auto flat = flat_header();
  add(flat, flat_record(0, bytes.size(), bytes));
  add(flat, flat_record(std::uint64_t{1} << 55, 1, ByteView(bytes).first(1)));
  write_file(dump.path, flat);
  check_refused(dump.path, ErrorKind::Truncated, kFlatHeaderBytes + sizeof(FlatRecord) + 2 * kPage,
                "first bitmap");
}

TEST_CASE("Versions before 6 have max_mapnr in the first header, and VMCOREINFO and notes from 3 and 4 on") {
  const MemoryImage source = every_state();
  const Dump dump(source);
  for (std::uint32_t version = 1; version <= 5; ++version) {
    auto bytes = dump.good;
    auto header = dump.at<kdump::Header>(0);
    header.version = version;
    std::memcpy(bytes.data(), &header, sizeof(header));
    std::fill_n(bytes.begin() + kPage + offsetof(kdump::SubHeader, start_pfn_64), 24,
                std::byte{0xFF});  // not of this version
    write_file(dump.path, bytes);
    const auto image = open_or_fail(dump.path);
    CHECK(image->info().variant == fmt::format("version {}", version));
    CHECK((vmcoreinfo_of(image->records()) != nullptr) == (version >= 3));
    CHECK((find_record(image->records(), kProcessorsRecord) != nullptr) == (version >= 4));
    CHECK(digest_of(*image) == digest_of(source));
    header.max_mapnr = 0xFFFFFFFF;
    std::memcpy(bytes.data(), &header, sizeof(header));
    write_file(dump.path, bytes);
    check_refused(dump.path, ErrorKind::Corrupt, offsetof(kdump::Header, max_mapnr), "max_mapnr");
  }
}

TEST_CASE("Notes that lie outside the file are said and cost the notes, not the pages") {
  const MemoryImage source = every_state();
  const Dump dump(source);
  using S = kdump::SubHeader;
  for (const std::size_t field : {offsetof(S, vmcoreinfo_offset), offsetof(S, vmcoreinfo_bytes),
                                  offsetof(S, notes_offset), offsetof(S, notes_bytes)}) {
    for (const std::uint64_t value :
         {std::uint64_t{dump.good.size() + 1}, ~std::uint64_t{0}, std::uint64_t{1} << 63}) {
      dump.with(kPage + field, le64(value));
      const auto image = open_or_fail(dump.path);
      REQUIRE(has_finding(*image, "broken-note"));
      CHECK(image->info().findings[0].offset == kPage + (field - field % 16));  // of the pair's first half
      CHECK(layer(*image, "header") == LayerResult::Bad);
      CHECK(digest_of(*image) == digest_of(source));
    }
  }
  struct {
    le64 offset = ~std::uint64_t{0} - 5;
    le64 bytes = 100;
  } eraseinfo;
  dump.with(kPage + offsetof(S, eraseinfo_offset), eraseinfo);
  CHECK(has_finding(*open_or_fail(dump.path), "broken-note"));
}

TEST_CASE("A dump that says it was not finished is incomplete") {
  const MemoryImage source = every_state();
  const Dump dump(source);
  dump.with(offsetof(kdump::Header, status), le32(kdump::kFlagLzo | kdump::kStatusIncomplete));
  const auto image = open_or_fail(dump.path);
  CHECK(image->info().state == ImageState::Incomplete);
  CHECK(image->info().codec == "lzo");
  REQUIRE(has_finding(*image, "incomplete"));
  CHECK(image->info().findings[0].offset == offsetof(kdump::Header, status));
  CHECK(image->info().damage.empty());
}

TEST_CASE("Pages in the dump that the machine does not have are said by the bitmaps' layer") {
  const Dump dump(every_state());
  CHECK(layer(*open_or_fail(dump.path), "bitmaps") == LayerResult::Ok);
  const std::size_t first_bitmap = 2 * kPage;
  dump.with(first_bitmap, std::uint8_t{0xFE});
  CHECK(layer(*open_or_fail(dump.path), "bitmaps") == LayerResult::Bad);
}

// ---- flattened

TEST_CASE("Flattened headers and records that cannot be are refused, naming the record") {
  const Dump dump(every_state(), Codec::Lzo, true);
  const auto refuses = [&](std::size_t offset, auto value, ErrorKind kind, std::uint64_t at,
                           const std::string& field) {
    dump.with(offset, value);
    check_refused(dump.path, kind, at, field);
  };
  refuses(16, be64(2), ErrorKind::Unsupported, 16, "type");
  refuses(24, be64(2), ErrorKind::Unsupported, 24, "version");
  const std::size_t first = kFlatHeaderBytes;
  refuses(first, be64(std::uint64_t{1} << 63), ErrorKind::Corrupt, first, "record 0");
  refuses(first + 8, be64(0), ErrorKind::Corrupt, first, "record 0");
  refuses(first + 8, be64(~std::uint64_t{0} - 1), ErrorKind::Corrupt, first, "record 0");
  const std::size_t second = first + sizeof(FlatRecord) + dump.at<be64>(first + 8);
  refuses(second, be64(~std::uint64_t{0}), ErrorKind::Corrupt, second, "record 1");  // half an end mark
  write_file(dump.path, ByteView(dump.good).first(100));
  check_refused(dump.path, ErrorKind::Truncated, 0, "flattened header");
  write_file(dump.path, ByteView(dump.good).first(first));
  check_refused(dump.path, ErrorKind::Truncated, first, "kdump header");
}

TEST_CASE("Records in any order and of any size make the same dump") {
  const MemoryImage source = every_state();
  const Dump dump(source);
  for (const std::size_t size : {97U, 4096U, 16384U}) {
    write_file(dump.path, flatten_backwards(dump.good, size));
    const auto image = open_or_fail(dump.path);
    CHECK(image->info().state == ImageState::Complete);
    CHECK(digest_of(*image) == digest_of(source));
  }
}

TEST_CASE("A bitmap whose end no record holds is read; page data that none holds is lost, not zero") {
  const MemoryImage source = every_state();  // 305 pages: bits to 312 are read, makedumpfile writes no more
  const Dump dump(source, Codec::None);
  const auto without = [&](std::size_t from, std::size_t to, bool has_end = true) {
    auto flat = flat_header();
    add(flat, flat_record(0, from, ByteView(dump.good).first(from)));
    add(flat, flat_record(to, dump.good.size() - to, ByteView(dump.good).subspan(to)));
    if (has_end) add(flat, flat_record(kFlatEnd, kFlatEnd, {}));
    write_file(dump.path, flat);
  };
  const auto header = dump.at<kdump::Header>(0);
  const std::size_t bitmaps = (std::size_t{1} + header.sub_header_blocks) * kPage;
  for (const bool has_end : {true, false}) {  // without it, the file may have been cut
    without(bitmaps + 39, bitmaps + header.bitmap_blocks / 2 * kPage, has_end);
    const auto image = open_or_fail(dump.path);
    CHECK(image->info().state == (has_end ? ImageState::Complete : ImageState::Incomplete));
    CHECK(digest_of(*image) == digest_of(source));
  }

  const auto d = dump.at<kdump::PageDescriptor>(dump.descriptor(5));
  without(d.offset + 100, d.offset + kPage);
  CHECK(only_damage(dump.path, 5).kind == ErrorKind::Truncated);
}

TEST_CASE("A flattened dump without its end mark is incomplete though no page is lost") {
  const MemoryImage source = every_state();
  const Dump dump(source, Codec::Lzo, true);
  write_file(dump.path, ByteView(dump.good).first(dump.good.size() - 16));
  const auto image = open_or_fail(dump.path);
  CHECK(image->info().state == ImageState::Incomplete);
  REQUIRE(image->info().damage.size() == 1);
  CHECK(image->info().damage[0].lost_pfns.empty());
  CHECK(digest_of(*image) == digest_of(source));
}

// ---- parts

namespace {

// The part of a dump with the pages from `start` to `end`, as makedumpfile --split writes it: all headers and
// bitmaps, and the descriptors and data of its own pages.
std::vector<std::byte> part_of(const Dump& dump, const MemoryImage& source, Pfn start, Pfn end) {
  std::vector<std::byte> part(dump.good.begin(),
                              dump.good.begin() + static_cast<std::ptrdiff_t>(dump.descriptors()));
  auto sub = dump.at<kdump::SubHeader>(kPage);
  sub.split = 1;
  sub.start_pfn_64 = start;
  sub.end_pfn_64 = end;
  std::memcpy(part.data() + kPage, &sub, sizeof(sub));
  std::vector<kdump::PageDescriptor> descriptors;
  std::vector<std::byte> data;
  std::size_t number = 0;
  const auto whole = open_or_fail(dump.path);
  const auto runs = must(whole->runs());
  for (auto run = must(runs->next()); run; run = must(runs->next())) {
    for (Pfn pfn = run->first; run->is_present() && pfn < run->end(); ++pfn, ++number) {
      if (pfn < start || pfn >= end) continue;
      descriptors.push_back(dump.at<kdump::PageDescriptor>(dump.descriptor(number)));
      auto& d = descriptors.back();
      const ByteView bytes = ByteView(dump.good).subspan(d.offset, d.size);
      d.offset = data.size();
      add(data, bytes);
    }
  }
  for (auto& d : descriptors) {
    d.offset = part.size() + descriptors.size() * sizeof(d) + d.offset;
  }
  for (const auto& d : descriptors) add(part, object_bytes(d));
  add(part, data);
  CHECK(source.info().end_pfn >= end);
  return part;
}

// The whole dump, and three parts of it beside each other.
struct Split {
  MemoryImage source = every_state();
  Dump dump{source, Codec::Zlib};
  TempFolder folder;
  std::string first = folder.file("a");
  std::string second = folder.file("b");
  std::string third = folder.file("c");

  Split() {
    write_file(first, part_of(dump, source, 0, 65));
    write_file(second, part_of(dump, source, 65, 150));
    write_file(third, part_of(dump, source, 150, 305));
    write_file(folder.file("unrelated"), as_bytes("text"));
    write_file(folder.file("whole"), dump.good);
  }
};

}  // namespace

TEST_CASE("Any part of a split dump is opened as the whole when the others lie beside it") {
  const Split split;
  for (const std::string& path : {split.first, split.second, split.third}) {
    const auto image = open_or_fail(path);
    CHECK(image->info().state == ImageState::Complete);
    CHECK(image->info().variant == "version 6, 3 parts in one folder");
    CHECK(image->info().file_bytes == std::filesystem::file_size(path));
    PageCounts counts;
    CHECK(wrong_pages(*image, split.source, counts) == 0);
    CHECK(digest_of(*image) == digest_of(split.source));
    CHECK(layer(*image, "page descriptors") == LayerResult::Ok);
    std::vector<std::byte> page(kPage);
    for (const Pfn pfn : {Pfn{2}, Pfn{66}, Pfn{140}, Pfn{190}}) {
      must(image->read_page(pfn, page));
      CHECK(page == split.source.page(pfn));
    }
    std::uint64_t end = 0;
    for (const LabelledRange& range : must(image->map()).tiled(std::filesystem::file_size(path))) {
      CHECK(range.label.find("overlap") == std::string::npos);
      CHECK(range.label.find("unlabelled") == std::string::npos);
      end = range.offset + range.size;
    }
    CHECK(end == std::filesystem::file_size(path));
  }
}

TEST_CASE("A part without pages ends with the last bit of the bitmaps, and is opened as the whole too") {
  const Split split;
  const std::string empty = split.folder.file("d");
  const std::size_t needed =
      split.dump.descriptors() - kPage + (305 + 7) / 8;  // of the second bitmap's block
  const auto part = part_of(split.dump, split.source, 305, 305);
  write_file(empty, ByteView(part).first(needed));
  for (const std::string& path : {empty, split.second}) {
    const auto image = open_or_fail(path);
    CHECK(image->info().state == ImageState::Complete);
    PageCounts counts;
    CHECK(wrong_pages(*image, split.source, counts) == 0);
    CHECK(digest_of(*image) == digest_of(split.source));
  }
  write_file(empty, ByteView(part).first(needed - 1));
  check_refused(empty, ErrorKind::Truncated, split.dump.descriptors() - kPage, "second bitmap");
}

TEST_CASE("A part whose neighbours are missing is incomplete and names their pages") {
  const Split split;
  std::filesystem::remove(split.second);
  const auto image = open_or_fail(split.third);
  CHECK(image->info().state == ImageState::Incomplete);
  REQUIRE(has_finding(*image, "part-missing"));
  REQUIRE(image->info().damage.size() == 1);
  const Damage& damage = image->info().damage[0];
  CHECK(damage.error.kind == ErrorKind::Truncated);
  CHECK(damage.error.offset == kPage + offsetof(kdump::SubHeader, split));
  CHECK(damage.error.found == "a part; no file beside it has PFN 0x41 to 0x95");
  CHECK(damage.lost_pfns == std::vector<PfnRange>{{65, 5}, {131, 19}});
  PageCounts counts;
  CHECK(wrong_pages(*image, split.source, counts) == 0);
  CHECK(counts.unreadable == 24);
  std::vector<std::byte> page(kPage);
  CHECK(image->read_page(66, page).error().kind == ErrorKind::Truncated);
  CHECK_FALSE(formats().open_whole(split.third, "", {}));
}

TEST_CASE("A part of another dump, a copy and a broken part are not taken for neighbours") {
  const Split split;
  auto other = read_file(split.second);
  const le64 time = 1234567;
  std::memcpy(other.data() + offsetof(kdump::Header, time_seconds), &time, sizeof(time));
  write_file(split.folder.file("0-other"), other);  // sorts before
  write_file(split.folder.file("copy"), read_file(split.first));
  write_file(split.folder.file("0-short"), ByteView(other).first(500));
  CHECK(digest_of(*open_or_fail(split.first)) == digest_of(split.source));
}

TEST_CASE("A part whose range cannot be is refused") {
  const Split split;
  for (const auto& [start, end] : {std::pair<Pfn, Pfn>{100, 99}, {0, 306}, {~Pfn{0}, ~Pfn{0}}}) {
    auto bytes = read_file(split.first);
    auto sub = split.dump.at<kdump::SubHeader>(kPage);
    sub.split = 1;
    sub.start_pfn_64 = start;
    sub.end_pfn_64 = end;
    std::memcpy(bytes.data() + kPage, &sub, sizeof(sub));
    write_file(split.dump.path, bytes);
    check_refused(split.dump.path, ErrorKind::Corrupt, kPage + offsetof(kdump::SubHeader, start_pfn_64),
                  "start_pfn");
  }
}

TEST_CASE("A cut part costs the pages whose data is gone, and no other") {
  const Split split;
  const auto bytes = read_file(split.second);
  write_file(split.second, ByteView(bytes).first(bytes.size() - 10));
  const auto image = open_or_fail(split.first);
  CHECK(image->info().state == ImageState::Incomplete);
  REQUIRE(image->info().damage.size() == 1);
  CHECK(image->info().damage[0].error.file == split.second);
  PageCounts counts;
  CHECK(wrong_pages(*image, split.source, counts) == 0);
  CHECK(counts.unreadable >= 1);
  CHECK(counts.unreadable < 4);
}

// ---- pages

TEST_CASE("A page descriptor that cannot be costs its page only, naming the field") {
  const MemoryImage source = every_state();
  const Dump dump(source, Codec::Zlib);
  using D = kdump::PageDescriptor;
  // PFN 137 is the 76th page of the dump: it comes behind 70 pages and a hole.
  for (const auto& [number, pfn] : {std::pair<std::size_t, Pfn>{5, 5}, {76, 137}}) {
    const std::size_t at = dump.descriptor(number);
    const auto damage = [&](std::size_t field, auto value) {
      dump.with(at + field, value);
      CHECK(layer(*open_or_fail(dump.path), "page descriptors") == LayerResult::Bad);
      const Error error = only_damage(dump.path, pfn);
      CHECK(error.offset == at + field);
      CHECK(error.file == dump.path);
      CHECK_FALSE(error.found.empty());
      CHECK_FALSE(error.allowed.empty());
      return error.kind;
    };
    CHECK(damage(offsetof(D, offset), le64(dump.good.size())) == ErrorKind::Truncated);
    CHECK(damage(offsetof(D, offset), le64(~std::uint64_t{0})) == ErrorKind::Truncated);
    CHECK(damage(offsetof(D, size), le32(0)) == ErrorKind::Corrupt);
    CHECK(damage(offsetof(D, size), le32(kPage + 1)) == ErrorKind::Corrupt);
    CHECK(damage(offsetof(D, size), le32(~0U)) == ErrorKind::Corrupt);
    for (const std::uint32_t flags : {3U, 6U, 8U, 0x10U, 0x21U, ~0U})
      CHECK(damage(offsetof(D, flags), le32(flags)) == ErrorKind::Corrupt);
    CHECK(damage(offsetof(D, offset), D{}) == ErrorKind::Truncated);  // never written
  }
  // A raw page is as long as a page.
  const std::size_t raw = dump.descriptor(2);
  dump.with(raw + offsetof(D, size), le32(100));
  CHECK(only_damage(dump.path, 2).offset == raw + offsetof(D, size));
}

TEST_CASE("Page data that is not what its codec writes costs its page only, naming where the data lies") {
  const MemoryImage source = every_state();
  for (const Codec codec : kCodecs) {
    if (codec == Codec::None) continue;
    for (const bool flattened : {false, true}) {
      const Dump plain(source, codec);
      const auto d = plain.at<kdump::PageDescriptor>(plain.descriptor(5));
      REQUIRE(std::uint32_t{d.flags} != 0);
      auto bytes = plain.good;
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(std::uint64_t{d.offset}), std::uint32_t{d.size},
                  std::byte{0xFF});
      if (flattened) bytes = flatten_backwards(bytes, std::size_t{1} << 30);
      write_file(plain.path, bytes);
      const Error error = only_damage(plain.path, 5);
      CHECK(error.kind == ErrorKind::Corrupt);
      CHECK(error.where.starts_with("data of PFN 0x5: "));
      CHECK_FALSE(error.found.empty());
      CHECK(error.offset == d.offset + (flattened ? kFlatHeaderBytes + sizeof(FlatRecord) : 0));
    }
  }
}

TEST_CASE("A page whose codec is another one than the descriptor says is refused, not misread") {
  const Dump dump(every_state(), Codec::Zstd);
  for (const std::uint32_t flags : {kdump::kFlagZlib, kdump::kFlagLzo, kdump::kFlagSnappy}) {
    dump.with(dump.descriptor(5) + offsetof(kdump::PageDescriptor, flags), le32(flags));
    CHECK(only_damage(dump.path, 5).kind == ErrorKind::Corrupt);
  }
}

TEST_CASE("A cut dump yields no page past its end and says at once which pages it lost") {
  const MemoryImage source = every_state();
  for (const Codec codec : kCodecs)
    check_truncations(source, Dump(source, codec), codec == Codec::None ? 4099 : 509);
}

TEST_CASE("A cut flattened dump yields no page past its end and says at once which pages it lost") {
  const MemoryImage source = every_state();
  for (const Codec codec : {Codec::Zlib, Codec::Lzo})
    check_truncations(source, Dump(source, codec, true), 509);
}

TEST_CASE("The pages that a cut file lost are exactly those whose data is gone") {
  const MemoryImage source({{0, 30, PageState::Data, 0}}, 2);
  const Dump dump(source);
  const auto cut = dump.at<kdump::PageDescriptor>(dump.descriptor(23));
  write_file(dump.path, ByteView(dump.good).first(cut.offset + 10));
  const auto image = open_or_fail(dump.path);
  REQUIRE(image->info().damage.size() == 1);
  CHECK(image->info().damage[0].error.kind == ErrorKind::Truncated);
  CHECK(image->info().damage[0].error.offset == cut.offset + 10);
  CHECK(image->info().damage[0].lost_pfns ==
        std::vector<PfnRange>{{23, 1}, {25, 2}, {28, 2}});  // between them zero pages
}

TEST_CASE("A cut descriptor table is one damage that names the first descriptor that is missing") {
  const Dump dump(MemoryImage({{0, 30, PageState::Data, 0}}, 2));
  write_file(dump.path, ByteView(dump.good).first(dump.descriptor(10) + 5));
  const auto result = read_all(*open_or_fail(dump.path));
  REQUIRE(result.damage.size() == 1);  // the data of the pages before is gone as well
  CHECK(result.damage[0].lost_pfns == std::vector<PfnRange>{{0, 30}});
}

// ---- bitmaps

TEST_CASE("Runs and ranks agree with a bit by bit count for any pattern") {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    const Pfn end = 1 + random() % 10000;
    std::vector<std::byte> exists(round_up(end, 64) / 8);
    std::vector<std::byte> dumped(exists.size());
    const auto fill =
        [&](std::vector<std::byte>& bits) {  // stretches of random length; bits past the end are noise
          bool value = false;
          for (std::size_t i = 0; i < bits.size() * 8; ++i) {
            if (random() % (1 + static_cast<unsigned>(round)) == 0) value = !value;
            if (value) bits[i / 8] |= static_cast<std::byte>(1U << (i % 8));
          }
        };
    fill(exists);
    fill(dumped);
    const auto bit = [](const std::vector<std::byte>& bits, Pfn pfn) {
      return (std::to_integer<unsigned>(bits[pfn / 8]) >> (pfn % 8) & 1U) != 0;
    };
    const kdump::PageMap map(kdump::Bitmap(exists), kdump::Bitmap(dumped), end);
    std::uint64_t rank = 0;
    std::uint64_t stray = 0;
    std::size_t wrong = 0;
    std::optional<PageRun> run;
    for (Pfn pfn = 0; pfn < end; ++pfn) {
      if (!run || pfn >= run->end()) run = map.next_run(pfn);
      const bool inside = run && pfn >= run->first;
      const bool is_dumped = bit(dumped, pfn);
      const bool is_absent = !is_dumped && bit(exists, pfn);
      if (inside != (is_dumped || is_absent)) ++wrong;
      if (inside && (run->state == PageState::Data) != is_dumped) ++wrong;
      if (map.is_dumped(pfn) != is_dumped || map.rank(pfn) != rank) ++wrong;
      rank += is_dumped ? 1 : 0;
      stray += is_dumped && !bit(exists, pfn) ? 1 : 0;
    }
    CHECK(wrong == 0);
    CHECK(map.dumped_pages() == rank);
    CHECK(map.stray_pages() == stray);
    CHECK_FALSE(map.next_run(end));
  }
}

TEST_CASE("Bitmaps that change at every page are walked once, not once for each page") {
  constexpr Pfn kEnd = Pfn{1} << 23;
  const std::vector<std::byte> all(kEnd / 8, std::byte{0xFF});
  std::vector<std::byte> alternate(kEnd / 8, std::byte{0x55});
  const auto count_runs = [&](const std::vector<std::byte>& exists, const std::vector<std::byte>& dumped) {
    const kdump::PageMap map{kdump::Bitmap(exists), kdump::Bitmap(dumped), kEnd};
    std::uint64_t count = 0;
    for (auto run = map.next_run(0); run; run = map.next_run(run->end())) ++count;
    return count;
  };
  CHECK(count_runs(all, alternate) == kEnd);
  CHECK(count_runs(alternate, std::vector<std::byte>(kEnd / 8)) == kEnd / 2);
}

// ---- map and check

TEST_CASE("Every byte of a dump has exactly one label, flattened or not") {
  const MemoryImage source = every_state();
  for (const bool flattened : {false, true}) {
    const Dump dump(source, Codec::Zlib, flattened);
    const auto ranges = must(open_or_fail(dump.path)->map()).tiled(dump.good.size());
    std::uint64_t end = 0;
    std::string labels;
    for (const LabelledRange& range : ranges) {
      CHECK(range.offset == end);
      end = range.offset + range.size;
      CHECK(range.label.find("unlabelled") == std::string::npos);
      CHECK(range.label.find("overlap") == std::string::npos);
      labels += range.label + "\n";
    }
    CHECK(end == dump.good.size());
    for (const char* label : {"kdump header", "kdump sub header", "notes", "VMCOREINFO",
                              "bitmap of existing pages", "bitmap of dumped pages", "140 page descriptors"}) {
      CHECK(labels.find(label) != std::string::npos);
    }
    CHECK(labels.find("page data: 140 pages") != std::string::npos);
    CHECK((labels.find("(part 1 of ") != std::string::npos) == flattened);
    CHECK((labels.find("flattened end mark") != std::string::npos) == flattened);
  }
}

TEST_CASE("A map of a dump with hostile descriptors labels only what lies in the file") {
  const Dump dump(every_state());
  kdump::PageDescriptor d{};
  d.offset = ~std::uint64_t{0} - 3;
  d.size = 4000;
  d.flags = kdump::kFlagLzo;
  dump.with(dump.descriptor(5), d);
  std::uint64_t end = 0;
  for (const LabelledRange& range : must(open_or_fail(dump.path)->map()).tiled(dump.good.size()))
    end = std::max(end, range.offset + range.size);
  CHECK(end == dump.good.size());
}

TEST_CASE("Only where every page is a zlib stream do the pages have checksums") {
  const MemoryImage mixed = every_state();
  CHECK_FALSE(open_or_fail(Dump(mixed, Codec::Zlib).path)
                  ->check_structure()
                  .pages_have_checksums);  // zero pages are stored raw
  const MemoryImage shrinking(
      {{5, 1, PageState::Data, 0}, {11, 1, PageState::Data, 0}, {16, 1, PageState::Data, 0}}, 2);
  CHECK(open_or_fail(Dump(shrinking, Codec::Zlib).path)->check_structure().pages_have_checksums);
  CHECK_FALSE(open_or_fail(Dump(shrinking, Codec::Lzo).path)->check_structure().pages_have_checksums);
}

// ---- codecs

TEST_CASE("Decompressors fill their output exactly or refuse") {
  std::vector<std::byte> page(kPage);
  for (std::size_t i = 0; i < page.size(); ++i) page[i] = static_cast<std::byte>(i * i / 100);
  std::vector<std::byte> packed(3 * kPage);
  const auto check = [&](std::size_t size, Result<void> (*decompress)(ByteView, MutableBytes)) {
    const ByteView in = ByteView(packed).first(size);
    std::vector<std::byte> out(kPage);
    must(decompress(in, out));
    CHECK(out == page);
    std::vector<std::byte> longer(kPage + 1);
    CHECK(decompress(in, longer).error().kind == ErrorKind::Corrupt);
    CHECK(decompress(in, MutableBytes(out).first(kPage - 1)).error().kind == ErrorKind::Corrupt);
    for (std::size_t cut = 0; cut < size; cut += 7) CHECK_FALSE(decompress(in.first(cut), out));
  };
  check(zlib_compress(page, packed), zlib_decompress);
  check(LzoCompressor().compress(page, packed), lzo_decompress);
  check(snappy_pack(page, packed), snappy_decompress);
}
