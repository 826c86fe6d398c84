// ELF, LiME and raw: what their readers accept, refuse, and say; kdump has a file of its own.

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "format/avml/layout.h"
#include "format/elf/layout.h"
#include "format/elf/writer.h"
#include "format/kdump/writer.h"
#include "format/lime/writer.h"
#include "lib/image/content_digest.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

void convert(const std::string& raw, const std::string& path, const std::string& format,
             kdump::Codec codec = kdump::Codec::Lzo) {
  const auto source = open_or_fail(raw, false, "raw");
  auto output = must(Output::create(path, true));
  auto sink = must(format == "elf"    ? elf::make_writer(*output, *source)
                   : format == "lime" ? lime::make_writer(*output, *source)
                                      : kdump::make_writer(*output, *source, codec));
  must(run_pipeline(*source, sink.get(), {}));
}

// 24 pages as an image of a format; with() changes it, starting from the good one each time.
struct Sample {
  TempFolder folder;
  std::string raw = folder.file("m.raw");
  std::string path = folder.file("image");
  std::vector<std::byte> memory;
  std::vector<std::byte> good;

  explicit Sample(const std::string& format, std::size_t pages = 24, kdump::Codec codec = kdump::Codec::Lzo)
      : memory(sample_memory(pages, 3)) {
    write_file(raw, memory);
    convert(raw, path, format, codec);
    good = read_file(path);
  }
  template <typename T>
  void with(std::size_t offset, T value) const {
    auto bytes = good;
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    write_file(path, bytes);
  }
  template <typename T>
  void refuses(std::size_t offset, T value, ErrorKind kind, std::uint64_t error_offset) const {
    with(offset, value);
    const auto image = open_image(path, "", {});
    REQUIRE_FALSE(image);
    CHECK(image.error().kind == kind);
    CHECK(image.error().offset == error_offset);
    CHECK(image.error().file == path);
    CHECK_FALSE(image.error().found.empty());
    CHECK_FALSE(image.error().allowed.empty());
  }
};

// A cut image never yields a page that is not wholly in it.
void check_every_truncation(const Sample& sample, std::size_t step) {
  for (std::size_t size = 0; size < sample.good.size(); size += step) {
    write_file(sample.path, ByteView(sample.good).first(size));
    OpenOptions options;
    options.salvage = true;
    const auto image = open_image(sample.path, "", options);
    if (!image) continue;
    std::size_t wrong = 0;
    PipelineOptions pipeline;
    pipeline.salvage = true;
    pipeline.threads = 1;
    pipeline.inspect = [&](const PageBatch& batch) -> Result<void> {
      for (const PageItem& item : batch.items) {
        for (Pfn pfn = item.run.first; item.run.is_present() && pfn < item.run.end(); ++pfn) {
          const std::byte* expected = sample.memory.data() + pfn * 4096;
          const bool equal = item.run.state == PageState::Data
                                 ? std::memcmp(item.bytes, expected, 4096) == 0
                                 : std::all_of(expected, expected + 4096, [&](std::byte b) {
                                     return b == static_cast<std::byte>(item.run.fill);
                                   });
          if (!equal) ++wrong;
        }
      }
      return {};
    };
    const auto result = must(run_pipeline(**image, nullptr, pipeline));
    CHECK(wrong == 0);
    CHECK(((*image)->info().state == ImageState::Incomplete ||
           result.pages.present() == sample.memory.size() / 4096));
  }
}

}  // namespace

TEST_CASE("The same memory has the same digest in every format") {
  const Sample elf("elf", 64);
  const std::string expected = digest_of(elf.raw, "raw");
  CHECK(digest_of(elf.path) == expected);
  CHECK(digest_of(Sample("lime", 64).path) == expected);
  for (const kdump::Codec codec : {kdump::Codec::None, kdump::Codec::Zlib, kdump::Codec::Lzo,
                                   kdump::Codec::Snappy, kdump::Codec::Zstd}) {
    CHECK(digest_of(Sample("kdump", 64, codec).path) == expected);
  }
}

TEST_CASE("A cut ELF file yields no page past its end") { check_every_truncation(Sample("elf"), 911); }
TEST_CASE("A cut LiME file yields no page past its end") { check_every_truncation(Sample("lime"), 911); }
TEST_CASE("A cut kdump file yields no page past its end") {
  check_every_truncation(Sample("kdump", 24, kdump::Codec::Zlib), 307);
  check_every_truncation(Sample("kdump", 24, kdump::Codec::Lzo), 307);
}

TEST_CASE("ELF headers that cannot be are refused, naming the field, what it holds and what is allowed") {
  const Sample elf("elf");
  const std::size_t load = 64 + 56;                            // the first PT_LOAD
  elf.refuses(5, std::uint8_t{2}, ErrorKind::Unsupported, 5);  // big-endian
  elf.refuses(4, std::uint8_t{9}, ErrorKind::Corrupt, 4);      // class
  elf.refuses(16, le16(2), ErrorKind::Unsupported, 16);        // an executable
  elf.refuses(54, le16(55), ErrorKind::Corrupt, 54);           // e_phentsize
  elf.refuses(56, le16(0), ErrorKind::Corrupt, 56);            // e_phnum
  elf.refuses(56, le16(0xFFFF), ErrorKind::Corrupt, 40);       // PN_XNUM without a section
  elf.refuses(32, le64(elf.good.size() - 10), ErrorKind::Truncated, elf.good.size() - 10);
  elf.refuses(load + 32, le64(~std::uint64_t{0}), ErrorKind::Corrupt, load);         // p_filesz > p_memsz
  elf.refuses(load + 24, le64(~std::uint64_t{0} - 4096), ErrorKind::Corrupt, 4096);  // physical range wraps
}

TEST_CASE("An ELF segment that reaches over the end of the file costs exactly its missing pages") {
  const Sample elf("elf");
  std::filesystem::resize_file(elf.path, elf.good.size() - 3 * 4096 - 100);
  const auto image = open_or_fail(elf.path);
  REQUIRE(image->info().damage.size() == 1);
  CHECK(image->info().damage[0].error.kind == ErrorKind::Truncated);
  CHECK(image->info().damage[0].lost_pfns == std::vector<PfnRange>{{20, 4}});
  CHECK(image->info().pages.unreadable == 4);
  std::vector<std::byte> page(4096);
  CHECK_FALSE(image->read_page(20, page));
  CHECK(image->read_page(19, page));
}

TEST_CASE("Where ELF segments overlap the lower one counts, and it is said") {
  const TempFolder folder;
  std::vector<std::byte> file(4096 + 3 * 4096);
  elf::Header64 header{};
  std::memcpy(header.ident.magic, elf::kMagic, 4);
  header.ident.file_class = 2;
  header.ident.data = 1;
  header.type = 4;
  header.phoff = 64;
  header.phentsize = 56;
  header.phnum = 2;
  elf::Program64 low{};
  low.type = 1;
  low.offset = 8192;
  low.paddr = 0x2000;
  low.filesz = 8192;
  low.memsz = 8192;
  elf::Program64 high = low;  // the higher one comes first in the table
  high.offset = 4096;
  high.paddr = 0x3000;
  std::memcpy(file.data(), &header, 64);
  std::memcpy(file.data() + 64, &high, 56);
  std::memcpy(file.data() + 120, &low, 56);
  for (std::size_t i = 1; i <= 3; ++i)
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(i * 4096), 4096, static_cast<std::byte>(i));
  write_file(folder.file("v"), file);
  const auto image = open_or_fail(folder.file("v"));
  REQUIRE(image->info().findings.size() == 1);
  CHECK(image->info().findings[0].code == "overlap");
  CHECK(image->info().pages.data == 3);
  std::vector<std::byte> page(4096);
  must(image->read_page(3, page));
  CHECK(page[0] == std::byte{3});
  must(image->read_page(4, page));
  CHECK(page[0] == std::byte{2});

  const auto overlapping = [&] {
    const StructureCheck check = open_or_fail(folder.file("v"))->check_structure();
    REQUIRE(check.layers.size() == 3);
    CHECK(check.layers[2].name == "overlapping segments");
    return std::pair(check.layers[2].result, check.damage);
  };
  const auto [result, damage] = overlapping();
  CHECK(result == LayerResult::Bad);
  REQUIRE(damage.size() == 1);
  CHECK(damage[0].error.kind == ErrorKind::Corrupt);
  CHECK(damage[0].error.offset == 4096);
  CHECK(damage[0].error.where == "PT_LOAD 0");

  // Both have the same bytes for the page that they share, but for its last one.
  std::fill_n(file.begin() + 4096, 4095, std::byte{3});
  write_file(folder.file("v"), file);
  CHECK(overlapping().second.at(0).error.offset == 4096 + 4095);
  file[4096 + 4095] = std::byte{3};
  write_file(folder.file("v"), file);
  CHECK(overlapping().first == LayerResult::Ok);
  CHECK(overlapping().second.empty());
}

TEST_CASE("No more bytes of overlapping segments are compared than the file has") {
  const TempFolder folder;
  constexpr std::uint16_t kSegments = 64;
  std::vector<std::byte> file(8192 + 64 * kSegments + 8192);
  elf::Header64 header{};
  std::memcpy(header.ident.magic, elf::kMagic, 4);
  header.ident.file_class = 2;
  header.ident.data = 1;
  header.type = 4;
  header.phoff = 64;
  header.phentsize = 56;
  header.phnum = kSegments;
  std::memcpy(file.data(), &header, 64);
  for (std::uint16_t i = 0; i < kSegments; ++i) {
    elf::Program64 segment{};
    segment.type = 1;
    segment.offset = 8192 + 64 * i;  // not the same bytes, but equal ones
    segment.paddr = 0x2000;
    segment.filesz = 8192;
    segment.memsz = 8192;
    std::memcpy(file.data() + 64 + 56 * i, &segment, 56);
  }
  write_file(folder.file("v"), file);
  const StructureCheck check = open_or_fail(folder.file("v"))->check_structure();
  CHECK(check.layers.back().result == LayerResult::NotChecked);
  CHECK(check.damage.empty());
}

TEST_CASE("Memory that an ELF file has no bytes for is absent, not zero") {
  const Sample elf("elf");
  elf.with(64 + 56 + 40, le64(40 * 4096));  // p_memsz of the only PT_LOAD, which has 24 pages
  const auto image = open_or_fail(elf.path);
  CHECK(image->info().pages.absent == 16);
  std::vector<std::byte> page(4096);
  CHECK(image->read_page(30, page).error().kind == ErrorKind::NoPage);
}

TEST_CASE(
    "A LiME range that ends before it starts is refused; garbage after a range is said and costs nothing "
    "else") {
  const Sample lime("lime");
  lime.refuses(8, le64(std::uint64_t{1} << 40), ErrorKind::Corrupt, 16);
  auto longer = lime.good;
  longer.resize(lime.good.size() + 32);
  write_file(lime.path, longer);
  const auto image = open_or_fail(lime.path);
  CHECK(image->info().state == ImageState::Incomplete);
  CHECK(image->info().pages.data == 24);
}

TEST_CASE("What no reader knows is refused, with the way to read it all the same") {
  const TempFolder folder;
  write_file(folder.file("noise"), as_bytes("\x01\x02\x03 of no format"));
  const auto image = open_image(folder.file("noise"), "", {});
  REQUIRE_FALSE(image);
  CHECK(image.error().kind == ErrorKind::NotRecognised);
  CHECK(image.error().line().find("-f raw") != std::string::npos);
  write_file(folder.file("empty"), {});
  CHECK(open_image(folder.file("empty"), "", {}).error().kind == ErrorKind::NotRecognised);
  CHECK(open_image(folder.file("none"), "", {}).error().kind == ErrorKind::NotFound);
}

// ---- raw memory by its content

namespace {

void put_word(std::vector<std::byte>& memory, std::size_t at, std::uint16_t value) {
  const le16 word = value;
  std::memcpy(memory.data() + at, &word, sizeof(word));
}

// What SeaBIOS leaves at the start of memory.
std::vector<std::byte> pc_memory(bool known_vectors = true, bool data_area = true) {
  auto memory = sample_memory(8, 3);
  std::fill_n(memory.begin(), 4096, std::byte{0});
  for (std::size_t i = 0; i < 248; ++i) {
    put_word(memory, i * 4, 0xFF53);
    put_word(memory, i * 4 + 2, 0xF000);
  }
  if (known_vectors) {
    for (const auto& [number, offset] : {std::pair<std::size_t, std::uint16_t>{0x11, 0xF84D},
                                         {0x12, 0xF841},
                                         {0x14, 0xE739},
                                         {0x1A, 0xFE6E}})
      put_word(memory, number * 4, offset);
  }
  if (data_area) {
    put_word(memory, 0x40E, 0x9FC0);
    put_word(memory, 0x413, 639);
  }
  return memory;
}

std::string certainty_of(const ImageReader& image) {
  for (const auto& [name, text] : image.info().details) {
    if (name == "certainty") return text;
  }
  return "";
}

}  // namespace

TEST_CASE("The memory of a PC is recognised by three marks of its firmware, and how surely is said") {
  const TempFolder folder;
  const auto certainty = [&](bool known_vectors, bool data_area) {
    write_file(folder.file("m"), pc_memory(known_vectors, data_area));
    const auto image = open_or_fail(folder.file("m"));
    CHECK(image->info().format == "raw");
    return certainty_of(*image);
  };
  CHECK(certainty(true, true) ==
        "high: interrupt table with 248 vectors into ROM, 4 of them a PC's own, 639 KiB of base memory");
  CHECK(certainty(true, false) == "fair: interrupt table with 248 vectors into ROM, 4 of them a PC's own");
  CHECK(certainty(false, true) == "fair: interrupt table with 248 vectors into ROM, 639 KiB of base memory");
  write_file(folder.file("m"), pc_memory(false, false));
  CHECK(open_image(folder.file("m"), "", {}).error().kind == ErrorKind::NotRecognised);
  CHECK(certainty_of(*open_or_fail(folder.file("m"), false, "raw")) == "none by its content: it was named");
}

TEST_CASE("Memory behind a header of any size is not taken for memory from the start") {
  const TempFolder folder;
  const auto memory = pc_memory();
  for (const std::size_t header : {4U, 8U, 16U, 32U, 40U, 64U, 128U, 256U, 512U, 4096U}) {
    INFO(header << " bytes");
    std::vector<std::byte> file(header);
    file.insert(file.end(), memory.begin(), memory.end());
    file.resize(round_up(file.size(), 4096));
    write_file(folder.file("m"), file);
    CHECK(open_image(folder.file("m"), "", {}).error().kind == ErrorKind::NotRecognised);
  }
}

TEST_CASE("Memory behind an AVML header is a broken AVML dump, and not raw memory") {
  const TempFolder folder;
  avml::BlockHeader header;
  header.magic = avml::kMagic;
  header.version = avml::kVersion;
  header.last = 8 * 4096 - 1;
  const auto memory = pc_memory();
  std::vector<std::byte> file(sizeof(header));
  std::memcpy(file.data(), &header, sizeof(header));
  file.insert(file.end(), memory.begin(), memory.end());
  file.resize(round_up(file.size(), 4096));
  write_file(folder.file("m"), file);
  const auto image = open_or_fail(folder.file("m"));
  CHECK(image->info().format == "avml");
  CHECK(image->info().state == ImageState::Incomplete);
  CHECK(image->info().pages.present() == 0);
  CHECK_FALSE(formats().open_whole(folder.file("m"), "", {}));
}

// ---- sparse files

namespace {

// The same bytes with every hole written.
void fill_holes(const std::string& path, const std::string& filled) {
  std::filesystem::copy_file(path, filled);
  write_file(filled, read_file(filled));
  REQUIRE(must(File::open(filled))->data_from(0).bytes == std::filesystem::file_size(path));
}

// Data at the start, in the middle on no boundary, and behind a hole too small to be worth it.
void write_sparse(const std::string& path) {
  const auto memory = sample_memory(40, 5);
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  REQUIRE(fd >= 0);
  REQUIRE(::ftruncate(fd, 12 << 20) == 0);
  for (const auto& [at, size] : {std::pair<off_t, std::size_t>{0, 100000},
                                 {(5 << 20) + 1234, 7000},
                                 {(5 << 20) + 40960, 30000},
                                 {(9 << 20) + 4096, 4096}})
    REQUIRE(::pwrite(fd, memory.data(), size, at) == static_cast<ssize_t>(size));
  REQUIRE(::close(fd) == 0);
}

bool has_holes(const std::string& path) {
  return must(File::open(path))->data_from(0).bytes < std::filesystem::file_size(path);
}

std::uint64_t bytes_read() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t value = 0;
  io >> name >> value;
  REQUIRE(name == "rchar:");
  return value;
}

}  // namespace

TEST_CASE("A sparse raw, ELF or LiME file is the same memory as one without holes") {
  const TempFolder folder;
  write_sparse(folder.file("raw"));
  if (!has_holes(folder.file("raw"))) return;  // a file system without them
  const std::string expected = digest_of(folder.file("raw"), "raw");
  for (const std::string format : {"raw", "elf", "lime"}) {
    const std::string path = folder.file(format);
    if (format != "raw") convert(folder.file("raw"), path, format);
    CHECK(has_holes(path));
    fill_holes(path, path + ".filled");
    const auto sparse = open_or_fail(path, false, format);
    const auto filled = open_or_fail(path + ".filled", false, format);
    CHECK(digest_of(path, format) == expected);
    CHECK(digest_of(path + ".filled", format) == expected);
    CHECK(sparse->info().pages.zero > 2000);
    CHECK(filled->info().pages.zero == 0);  // nobody has looked
    CHECK(sparse->info().pages.total() == filled->info().pages.total());
    CHECK(sparse->check_structure().layers[1].text == filled->check_structure().layers[1].text);
    std::vector<std::byte> page(4096);
    std::vector<std::byte> same(4096);
    for (Pfn pfn = 0; pfn < (12U << 20) / 4096; pfn += 3) {
      must(sparse->read_page(pfn, page));
      must(filled->read_page(pfn, same));
      CHECK(page == same);
    }
  }
}

TEST_CASE("Holes are not read") {
  const TempFolder folder;
  constexpr std::uint64_t kSize = std::uint64_t{4} << 30;
  write_sparse(folder.file("raw"));
  std::filesystem::resize_file(folder.file("raw"), kSize);
  if (!has_holes(folder.file("raw"))) return;
  const std::uint64_t before = bytes_read();
  const auto image = open_or_fail(folder.file("raw"), false, "raw");
  const auto pages = must(run_pipeline(*image, nullptr, {})).pages;
  CHECK(bytes_read() - before < 1 << 20);
  CHECK(pages.present() == kSize / 4096);
}

TEST_CASE("Where the next data begins is told for holes, their ends, and the end of the file") {
  const TempFolder folder;
  write_sparse(folder.file("raw"));
  const auto file = must(File::open(folder.file("raw")));
  CHECK(file->data_from(0).start == 0);
  CHECK(file->data_from(12 << 20).bytes == 0);
  CHECK(file->data_from(13 << 20).start == 12 << 20);
  const auto window = must(file->window({{4096, 8192}}));
  CHECK(window->data_from(100).start == 100);
  CHECK(window->data_from(100).bytes == 8092);
  if (!has_holes(folder.file("raw"))) return;
  const DeviceRange middle = file->data_from(1 << 20);
  CHECK(middle.start <= (5 << 20) + 1234);
  CHECK(middle.start > 4 << 20);
  CHECK(middle.end() >= (5 << 20) + 1234 + 7000);
  CHECK(file->data_from(10 << 20).start == 12 << 20);  // a hole up to the end
}
