// AVML: what the writer writes, what the reader reads, refuses and says.

#include <filesystem>

#include "format/avml/layout.h"
#include "format/avml/writer.h"
#include "lib/codec/crc32c.h"
#include "lib/codec/snappy_frame.h"
#include "lib/image/content_digest.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

constexpr std::size_t kPage = 4096;

void add(std::vector<std::byte>& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// As avml writes it: chunks of 64 KiB, with the length of the stream behind.
std::vector<std::byte> stream_of(ByteView memory) {
  std::vector<std::byte> out;
  append_snappy_identifier(out);
  for (; !memory.empty(); memory = memory.subspan(std::min(memory.size(), kSnappyChunkContent)))
    append_snappy_chunk(memory.first(std::min(memory.size(), kSnappyChunkContent)), out);
  return out;
}

std::vector<std::byte> block(std::uint64_t start, std::uint64_t bytes, ByteView stream) {
  avml::BlockHeader header;
  header.magic = avml::kMagic;
  header.version = avml::kVersion;
  header.start = start;
  header.last = start + bytes - 1;
  std::vector<std::byte> out;
  add(out, object_bytes(header));
  add(out, stream);
  add(out, object_bytes(le64(stream.size())));
  return out;
}

std::vector<std::byte> block(std::uint64_t start, ByteView memory) {
  return block(start, memory.size(), stream_of(memory));
}

// Three blocks with a hole between the second and the third: 40, 24 and 30 pages.
struct Sample {
  TempFolder folder;
  std::string path = folder.file("image");
  std::vector<std::byte> memory = sample_memory(94, 3);
  std::vector<std::byte> good;
  std::size_t second = 0;  // where the block begins
  std::size_t third = 0;

  Sample() {
    const ByteView bytes = memory;
    good = block(0, bytes.first(40 * kPage));
    second = good.size();
    add(good, block(40 * kPage, bytes.subspan(40 * kPage, 24 * kPage)));
    third = good.size();
    add(good, block(100 * kPage, bytes.subspan(64 * kPage)));
    write_file(path, good);
  }
  ByteView page(Pfn pfn) const {
    return ByteView(memory).subspan((pfn < 64 ? pfn : pfn - 36) * kPage, kPage);
  }
  template <typename T>
  void with(std::size_t offset, const T& value) const {
    auto bytes = good;
    std::memcpy(bytes.data() + offset, &value, sizeof(value));
    write_file(path, bytes);
  }
};

// Pages that the image says it has, and whose bytes are others.
std::size_t wrong_pages(const ImageReader& image, const Sample& sample, PageCounts& counts) {
  std::size_t wrong = 0;
  PipelineOptions options;
  options.threads = 1;
  options.inspect = [&](const PageBatch& batch) -> Result<void> {
    for (const PageItem& item : batch.items) {
      for (Pfn pfn = item.run.first; item.run.is_present() && pfn < item.run.end(); ++pfn) {
        const ByteView expected = sample.page(pfn);
        wrong += item.run.state == PageState::Data ? std::memcmp(item.bytes, expected.data(), kPage) != 0
                                                   : fill_value(expected) != item.run.fill;
      }
    }
    return {};
  };
  counts = read_all(image, options).pages;
  return wrong;
}

void write_avml(const ImageReader& source, const std::string& path, unsigned threads = 2) {
  auto output = must(Output::create(path, true));
  const auto sink = must(avml::make_writer(*output, source));
  PipelineOptions options;
  options.threads = threads;
  options.salvage = true;
  must(run_pipeline(source, sink.get(), options));
}

void check_refused(const Sample& sample, ErrorKind kind, std::uint64_t offset, const std::string& field) {
  INFO(field);
  const auto image = open_image(sample.path, "", {});
  REQUIRE_FALSE(image);
  CHECK(name_of(image.error().kind) == name_of(kind));
  CHECK(image.error().offset == offset);
  CHECK(image.error().file == sample.path);
  CHECK(image.error().where.find(field) != std::string::npos);
  CHECK_FALSE(image.error().found.empty());
  CHECK_FALSE(image.error().allowed.empty());
}

}  // namespace

// ---- codec

TEST_CASE("CRC-32C gives the values of RFC 3720, by the processor's instruction and by tables") {
  std::vector<std::byte> bytes(32);
  CHECK(crc32c(bytes) == 0x8A9136AA);
  std::fill(bytes.begin(), bytes.end(), std::byte{0xFF});
  CHECK(crc32c(bytes) == 0x62A8AB43);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i);
  CHECK(crc32c(bytes) == 0x46DD794E);
  CHECK(crc32c(as_bytes("123456789")) == 0xE3069283);
  const auto memory = sample_memory(3, 5);
  for (std::size_t size = 0; size < 100; ++size) {
    const ByteView part = ByteView(memory).subspan(size, size * 7);
    CHECK(crc32c(part) == crc32c_by_table(part));
  }
}

TEST_CASE("A snappy chunk is what the framing format's examples say, and a changed bit is noticed") {
  std::vector<std::byte> stream;
  append_snappy_identifier(stream);
  CHECK(as_text(stream) == std::string_view("\xff\x06\x00\x00sNaPpY", 10));
  const auto memory = sample_memory(16, 3);
  std::vector<std::byte> chunk;
  append_snappy_chunk(memory, chunk);
  const auto head = must(parse_snappy_chunk(ByteView(chunk).first(kSnappyChunkStart)));
  CHECK(head.content_bytes == memory.size());
  CHECK(head.body_bytes + kSnappyChunkHeader == chunk.size());
  std::vector<std::byte> out(memory.size());
  must(decode_snappy_chunk(head, ByteView(chunk).subspan(kSnappyChunkHeader), out));
  CHECK(out == memory);
  for (std::size_t at = kSnappyChunkHeader; at < chunk.size(); at += 211) {
    auto changed = chunk;
    changed[at] ^= std::byte{0x10};
    // A copy may be changed into another of the same bytes.
    if (decode_snappy_chunk(head, ByteView(changed).subspan(kSnappyChunkHeader), out)) CHECK(out == memory);
  }
}

TEST_CASE("What does not shrink by an eighth is stored as it is") {
  std::vector<std::byte> noise(kSnappyChunkContent);
  std::mt19937 random(1);
  std::generate(noise.begin(), noise.end(), [&] { return static_cast<std::byte>(random()); });
  std::vector<std::byte> chunk;
  append_snappy_chunk(noise, chunk);
  CHECK(chunk[0] == std::byte{1});
  CHECK(chunk.size() == noise.size() + 8);
  const auto head = must(parse_snappy_chunk(ByteView(chunk).first(kSnappyChunkStart)));
  CHECK(head.content_bytes == noise.size());
  std::vector<std::byte> out(noise.size());
  must(decode_snappy_chunk(head, ByteView(chunk).subspan(kSnappyChunkHeader), out));
  CHECK(out == noise);
}

TEST_CASE("Chunks that may be skipped are, and reserved ones are refused") {
  const auto chunk = [](unsigned type, std::initializer_list<unsigned> rest) {
    std::vector<std::byte> out{static_cast<std::byte>(type)};
    for (const unsigned byte : rest) out.push_back(static_cast<std::byte>(byte));
    return out;
  };
  CHECK_FALSE(must(parse_snappy_chunk(chunk(0xFE, {5, 0, 0}))).has_content());
  CHECK(must(parse_snappy_chunk(chunk(0x80, {5, 0, 1}))).body_bytes == 0x10005);
  for (const unsigned type : {0x02U, 0x7FU})
    CHECK(parse_snappy_chunk(chunk(type, {5, 0, 0, 0, 0, 0, 0, 0})).error().kind == ErrorKind::Corrupt);
  CHECK(parse_snappy_chunk(chunk(1, {3, 0, 0, 0, 0, 0})).error().kind ==
        ErrorKind::Corrupt);  // no room for a CRC
  CHECK(parse_snappy_chunk(chunk(1, {5, 0, 1, 0, 0, 0})).error().kind == ErrorKind::Corrupt);  // 65537 bytes
  CHECK(parse_snappy_chunk(chunk(0, {9, 0, 0, 1, 2, 3, 4, 0x81, 0x80, 4})).error().kind ==
        ErrorKind::Corrupt);  // 65537 bytes
  CHECK(parse_snappy_chunk(chunk(0, {255, 255, 255, 0, 0, 0, 0, 1})).error().kind == ErrorKind::Corrupt);
  CHECK(parse_snappy_chunk(chunk(0xFF, {6, 0, 0, 's', 'N', 'a', 'P', 'p', 'y'})).error().kind ==
        ErrorKind::Corrupt);
  CHECK(parse_snappy_chunk(chunk(0, {9, 0})).error().kind == ErrorKind::Truncated);
}

// ---- reader

TEST_CASE("Blocks as avml writes them are read, and every page is covered by a checksum") {
  const Sample sample;
  const auto image = open_or_fail(sample.path);
  CHECK(image->info().format == "avml");
  CHECK(image->info().variant == "AVML 2, 3 blocks");
  CHECK(image->info().codec == "snappy");
  CHECK(image->info().state == ImageState::Complete);
  CHECK(image->info().pages.present() == 94);
  CHECK(image->info().end_pfn == 130);
  PageCounts counts;
  CHECK(wrong_pages(*image, sample, counts) == 0);
  CHECK(counts.present() == 94);
  CHECK(must(verify(*image, 2, {})).verdict == Verdict::Good);
  std::vector<std::byte> page(kPage);
  for (const Pfn pfn : {Pfn{0}, Pfn{15}, Pfn{16}, Pfn{39}, Pfn{40}, Pfn{63}, Pfn{100}, Pfn{129}}) {
    must(image->read_page(pfn, page));
    CHECK(std::equal(page.begin(), page.end(), sample.page(pfn).begin()));
  }
  CHECK(image->read_page(64, page).error().kind == ErrorKind::NoPage);
  CHECK(image->read_page(130, page).error().kind == ErrorKind::NoPage);
}

TEST_CASE("Memory that begins and ends inside a page is filled up with zeros there") {
  const Sample sample;
  const ByteView memory = ByteView(sample.memory).subspan(2 * kPage);
  auto bytes = block(0x1400, memory.first(0x3000));
  add(bytes, block(0x4400, memory.subspan(0x3000, 0x200)));
  write_file(sample.path, bytes);
  const auto image = open_or_fail(sample.path);
  CHECK(image->info().pages.present() == 4);
  std::vector<std::byte> expected(4 * kPage);
  std::memcpy(expected.data() + 0x400, memory.data(), 0x3200);
  std::vector<std::byte> page(kPage);
  for (Pfn pfn = 1; pfn <= 4; ++pfn) {
    must(image->read_page(pfn, page));
    CHECK(std::equal(page.begin(), page.end(),
                     expected.begin() + static_cast<std::ptrdiff_t>((pfn - 1) * kPage)));
  }
}

TEST_CASE("A stream with padding, a repeated identifier and chunks of any size is read") {
  const Sample sample;
  std::vector<std::byte> stream;
  ByteView rest = ByteView(sample.memory).first(20 * kPage);
  for (const std::size_t size : {1UL, 5000UL, 65536UL, 3UL, 11380UL}) {
    append_snappy_identifier(stream);
    append_snappy_chunk(rest.first(std::min(rest.size(), size)), stream);
    rest = rest.subspan(std::min(rest.size(), size));
    add(stream, as_bytes(std::string_view("\xfe\x02\x00\x00zz", 6)));
  }
  REQUIRE(rest.empty());
  write_file(sample.path, block(0, 20 * kPage, stream));
  PageCounts counts;
  const auto image = open_or_fail(sample.path);
  CHECK(wrong_pages(*image, sample, counts) == 0);
  CHECK(counts.present() == 20);
  CHECK(must(verify(*image, 1, {})).verdict == Verdict::Good);
}

TEST_CASE("Every byte of an AVML file has exactly one label") {
  const Sample sample;
  std::uint64_t end = 0;
  for (const LabelledRange& range : must(open_or_fail(sample.path)->map()).tiled(sample.good.size())) {
    CHECK(range.offset == end);
    CHECK(range.label.find("unlabelled") == std::string::npos);
    CHECK(range.label.find("overlap") == std::string::npos);
    end = range.offset + range.size;
  }
  CHECK(end == sample.good.size());
}

TEST_CASE("A changed byte of a chunk costs the pages of that chunk and no other") {
  const Sample sample;
  const std::size_t at = sample.second - 100;  // in the last chunk of the first block: pages 32 to 39
  auto bytes = sample.good;
  bytes[at] ^= std::byte{0x40};
  write_file(sample.path, bytes);
  const auto image = open_or_fail(sample.path);
  PageCounts counts;
  CHECK(wrong_pages(*image, sample, counts) == 0);
  CHECK(counts.unreadable == 8);
  const auto report = must(verify(*image, 2, {}));
  CHECK(report.verdict == Verdict::Damaged);
  REQUIRE(report.damage.size() == 1);
  CHECK(report.damage[0].error.kind == ErrorKind::Corrupt);
  CHECK(report.damage[0].lost_pfns == std::vector<PfnRange>{{32, 8}});
  std::vector<std::byte> page(kPage);
  CHECK_FALSE(image->read_page(35, page));
  CHECK(image->read_page(31, page));
}

TEST_CASE("No change of one byte that changes the memory goes unnoticed") {
  const Sample sample;
  const auto expected = read_all(*open_or_fail(sample.path)).content_digest;
  std::size_t tried = 0;
  for (std::size_t at = 0; at < sample.good.size(); at += at % 7 == 0 ? 1 : 61) {
    auto bytes = sample.good;
    bytes[at] ^= std::byte{0x01};
    write_file(sample.path, bytes);
    INFO("byte " << at);
    ++tried;
    OpenOptions options;
    options.salvage = true;
    const auto image = open_image(sample.path, "", options);
    if (!image) continue;
    const auto report = must(verify(**image, 1, {}));
    if (report.verdict == Verdict::Good) CHECK(report.content_digest == expected);
  }
  CHECK(tried > 500);
}

TEST_CASE("Headers that cannot be are refused, naming the field") {
  const Sample sample;
  using H = avml::BlockHeader;
  const auto refuses = [&](std::size_t at, auto value, ErrorKind kind, const std::string& field) {
    sample.with(at, value);
    check_refused(sample, kind, at == offsetof(H, start) ? offsetof(H, last) : at, field);
  };
  refuses(offsetof(H, version), le32(3), ErrorKind::Unsupported, "version");
  refuses(offsetof(H, start), le64(std::uint64_t{1} << 51), ErrorKind::Corrupt, "last address");
  refuses(offsetof(H, last), le64(std::uint64_t{1} << 52), ErrorKind::Corrupt, "last address");
  refuses(offsetof(H, padding), le64(1), ErrorKind::Corrupt, "padding");
}

TEST_CASE("A range that its stream cannot hold costs that block, at once and without its memory") {
  const Sample sample;
  sample.with(sample.second + offsetof(avml::BlockHeader, last), le64((std::uint64_t{1} << 52) - 1));
  const auto image = open_or_fail(sample.path);
  CHECK(image->info().state == ImageState::Incomplete);
  REQUIRE_FALSE(image->info().damage.empty());
  PageCounts counts;
  CHECK(wrong_pages(*image, sample, counts) == 0);
  CHECK(counts.present() >= 40 + 24);
}

TEST_CASE("A broken length behind a block costs nothing but itself") {
  const Sample sample;
  for (const std::uint64_t value : {std::uint64_t{0}, std::uint64_t{1}, ~std::uint64_t{0}}) {
    sample.with(sample.third - 8, le64(value));
    const auto image = open_or_fail(sample.path);
    REQUIRE(image->info().damage.size() == 1);
    CHECK(image->info().damage[0].error.offset == sample.third - 8);
    CHECK(image->info().damage[0].lost_pfns.empty());
    PageCounts counts;
    CHECK(wrong_pages(*image, sample, counts) == 0);
    CHECK(counts.present() == 94);
  }
}

TEST_CASE(
    "Garbage inside a block costs the rest of that block; the blocks behind it are found from the end") {
  const Sample sample;
  sample.with(sample.second + sizeof(avml::BlockHeader) + 10,
              le32(0x12345655));  // a chunk of a reserved type
  auto bytes = read_file(sample.path);
  std::memset(bytes.data() + sample.third - 8, 0, 8);  // and the length behind it
  write_file(sample.path, bytes);
  const auto image = open_or_fail(sample.path);
  CHECK(image->info().state == ImageState::Incomplete);
  REQUIRE(image->info().damage.size() == 1);
  CHECK(image->info().damage[0].lost_pfns == std::vector<PfnRange>{{40, 24}});
  PageCounts counts;
  CHECK(wrong_pages(*image, sample, counts) == 0);
  CHECK(counts.present() == 70);
  CHECK(counts.unreadable == 24);
}

TEST_CASE("A cut AVML file yields what lies before the cut, and says that it is cut") {
  const Sample sample;
  std::size_t opened = 0;
  std::uint64_t most = 0;
  for (std::size_t size = 0; size < sample.good.size(); size += 509) {
    INFO("cut to " << size);
    write_file(sample.path, ByteView(sample.good).first(size));
    OpenOptions options;
    options.salvage = true;
    const auto image = open_image(sample.path, "", options);
    if (!image) continue;
    ++opened;
    PageCounts counts;
    CHECK(wrong_pages(**image, sample, counts) == 0);
    const bool at_end_of_a_block = size == sample.second || size == sample.third;
    CHECK(((*image)->info().state == ImageState::Incomplete) == !at_end_of_a_block);
    CHECK(counts.present() >= most);
    most = counts.present();
  }
  CHECK(opened > 50);
  CHECK(most >= 80);
}

TEST_CASE("Where blocks overlap the one that starts lower counts, and it is said") {
  const Sample sample;
  const ByteView memory = sample.memory;
  auto bytes = block(30 * kPage, memory.subspan(0, 20 * kPage));
  add(bytes, block(0, memory.first(40 * kPage)));
  write_file(sample.path, bytes);
  const auto image = open_or_fail(sample.path);
  REQUIRE(image->info().findings.size() == 1);
  CHECK(image->info().findings[0].code == "overlap");
  CHECK(image->info().pages.present() == 50);
  std::vector<std::byte> page(kPage);
  must(image->read_page(35, page));
  CHECK(std::equal(page.begin(), page.end(), memory.begin() + 35 * kPage));
  must(image->read_page(41, page));
  CHECK(std::equal(page.begin(), page.end(), memory.begin() + 11 * kPage));
}

// ---- writer

TEST_CASE("What is written is read back, whatever the number of threads and the page size") {
  const TempFolder folder;
  write_file(folder.file("m"), sample_memory(600, 7));
  for (const std::uint32_t page_size : {4096U, 65536U}) {
    OpenOptions options;
    options.page_size = page_size;
    const auto source = must(open_image(folder.file("m"), "raw", options));
    write_avml(*source, folder.file("one"), 1);
    write_avml(*source, folder.file("four"), 4);
    CHECK(read_file(folder.file("one")) == read_file(folder.file("four")));
    const auto image = must(open_image(folder.file("one"), "", options));
    CHECK(digest_of(*image) == digest_of(*source));
    CHECK(must(verify(*image, 2, {})).verdict == Verdict::Good);
  }
}

TEST_CASE("Long runs of zeros are blocks of 16 MiB, and are the same memory") {
  const TempFolder folder;
  write_file(folder.file("m"), sample_memory(10, 7));
  std::filesystem::resize_file(folder.file("m"), (40U << 20) + 3 * kPage);  // a hole
  const auto source = open_or_fail(folder.file("m"), false, "raw");
  write_avml(*source, folder.file("image"));
  const auto image = open_or_fail(folder.file("image"));
  CHECK(digest_of(*image) == digest_of(*source));
  CHECK(std::filesystem::file_size(folder.file("image")) < 3U << 20);
}

TEST_CASE("Lost pages are left out, and shift no other") {
  const Sample sample;
  auto bytes = sample.good;
  bytes[sample.second - 100] ^= std::byte{0x40};
  write_file(sample.path, bytes);
  const auto source = open_or_fail(sample.path);
  write_avml(*source, sample.folder.file("again"));
  PageCounts counts;
  CHECK(wrong_pages(*open_or_fail(sample.folder.file("again")), sample, counts) == 0);
  CHECK(counts.present() == 86);
  CHECK(counts.unreadable == 0);
}
