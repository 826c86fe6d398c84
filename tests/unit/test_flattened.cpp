// Flattened dumps: records in any order, gaps, cuts, and ELF inside them; kdump inside is in test_kdump.cpp.

#include "format/elf/layout.h"
#include "format/elf/writer.h"
#include "lib/image/content_digest.h"
#include "tests/support/flattened.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

DumpFile open_dump(const TempFolder& folder, ByteView bytes) {
  write_file(folder.file("flat"), bytes);
  return must(DumpFile::open(must(File::open(folder.file("flat")))));
}

// An ELF file, the same memory as its source, and its flattened form.
struct FlatElf {
  TempFolder folder;
  std::vector<std::byte> memory = sample_memory(40, 3);
  std::vector<std::byte> elf;
  std::string path = folder.file("flat");

  FlatElf() {
    write_file(folder.file("raw"), memory);
    const auto source = open_or_fail(folder.file("raw"), false, "raw");
    auto output = must(Output::create(folder.file("elf"), true));
    const auto sink = must(elf::make_writer(*output, *source));
    must(run_pipeline(*source, sink.get(), {}));
    elf = read_file(folder.file("elf"));
  }
  void write(ByteView bytes) const { write_file(path, bytes); }
};

}  // namespace

TEST_CASE("Of flattened records that overlap the later one counts") {
  const TempFolder folder;
  const auto text = [](std::string_view t) { return as_bytes(t); };
  auto flat = flat_header();
  add(flat, flat_record(0, 10, text("aaaaaaaaaa")));
  add(flat, flat_record(3, 4, text("bbbb")));
  add(flat, flat_record(5, 3, text("ccc")));
  add(flat, flat_record(0, 1, text("d")));
  add(flat, flat_record(9, 3, text("eee")));
  add(flat, flat_record(4, 1, text("f")));
  add(flat, flat_record(kFlatEnd, kFlatEnd, {}));
  write_file(folder.file("flat"), flat);
  const auto dump = must(DumpFile::open(must(File::open(folder.file("flat")))));
  CHECK(as_text(must(dump.read_at(0, dump.size()))) == "daabfcccaeee");
  CHECK(dump.file_offset(0) == flat.size() - (1 + 16 + 3 + 16 + 1 + 16));
}

TEST_CASE("What no record holds reads as zeros up to the end of the dump, once the end mark is there") {
  const TempFolder folder;
  auto flat = flat_header();
  add(flat, flat_record(6, 2, as_bytes("gh")));
  add(flat, flat_record(0, 4, as_bytes("abcd")));
  add(flat, flat_record(kFlatEnd, kFlatEnd, {}));
  const DumpFile dump = open_dump(folder, flat);
  CHECK(dump.is_complete());
  CHECK(as_text(must(dump.read_at(0, 8))) == std::string_view("abcd\0\0gh", 8));
  CHECK(dump.available(3, 100) == 5);
  CHECK(dump.is_written(0, 4));
  CHECK_FALSE(dump.is_written(3, 2));
  CHECK(dump.read_at(7, 2).error().kind == ErrorKind::Truncated);
  const auto file = must(dump.rearranged());
  CHECK(file->size() == 8);
  CHECK(as_text(must(file->read_at(1, 6))) == std::string_view("bcd\0\0g", 6));
  CHECK(file->error(ErrorKind::Corrupt, 6, "", "").offset == kFlatHeaderBytes + sizeof(FlatRecord));
  CHECK(file->error(ErrorKind::Corrupt, 8, "", "").offset == kFlatHeaderBytes + sizeof(FlatRecord) + 2);
  CHECK_FALSE(file->error(ErrorKind::Corrupt, 4, "", "").offset);  // nowhere in the file
}

TEST_CASE("Without an end mark a byte that no record holds is Truncated, not zero") {
  const TempFolder folder;
  auto flat = flat_header();
  add(flat, flat_record(0, 4, as_bytes("abcd")));
  add(flat, flat_record(6, 2, as_bytes("gh")));
  const DumpFile dump = open_dump(folder, flat);
  CHECK_FALSE(dump.is_complete());
  CHECK(dump.read_at(0, 8).error().kind == ErrorKind::Truncated);
  CHECK(dump.read_at(7, 2).error().kind == ErrorKind::Truncated);
  CHECK(as_text(must(dump.read_at(6, 2))) == "gh");
  const auto file = must(dump.rearranged());
  CHECK(file->read_at(0, 8).error().kind == ErrorKind::Truncated);
  CHECK(as_text(must(file->read_at(6, 2))) == "gh");
}

TEST_CASE("A flattened dump that holds neither kdump nor ELF is refused with what it begins with") {
  const TempFolder folder;
  auto flat = flat_header();
  add(flat, flat_record(0, 5000, std::vector<std::byte>(5000, std::byte{0x41})));
  add(flat, flat_record(kFlatEnd, kFlatEnd, {}));
  write_file(folder.file("flat"), flat);
  const auto image = open_image(folder.file("flat"), "", {});
  REQUIRE_FALSE(image);
  CHECK(image.error().kind == ErrorKind::Corrupt);
  CHECK(image.error().offset == kFlatHeaderBytes + sizeof(FlatRecord));
  CHECK(image.error().found == "AAAAAAAA");
}

TEST_CASE("An ELF file in records of any size and order is the same memory") {
  const FlatElf sample;
  const std::string expected = digest_of(sample.folder.file("elf"));
  for (const std::size_t size : {997U, 4096U, 1U << 20}) {
    sample.write(flatten_backwards(sample.elf, size));
    const auto image = open_or_fail(sample.path);
    CHECK(image->info().format == "elf");
    CHECK(image->info().variant.find("flattened") != std::string::npos);
    CHECK(image->info().state == ImageState::Complete);
    CHECK(image->info().file_bytes == std::filesystem::file_size(sample.path));
    CHECK(digest_of(sample.path) == expected);
    std::vector<std::byte> page(4096);
    must(image->read_page(7, page));
    CHECK(std::equal(page.begin(), page.end(), sample.memory.begin() + 7 * 4096));
  }
}

TEST_CASE("Every byte of a flattened ELF file has exactly one label") {
  const FlatElf sample;
  const auto bytes = flatten_backwards(sample.elf, 5000);
  sample.write(bytes);
  std::uint64_t end = 0;
  std::string labels;
  for (const LabelledRange& range : must(open_or_fail(sample.path)->map()).tiled(bytes.size())) {
    CHECK(range.offset == end);
    end = range.offset + range.size;
    CHECK(range.label.find("overlap") == std::string::npos);
    labels += range.label + "\n";
  }
  CHECK(end == bytes.size());
  for (const char* label : {"ELF header", "PT_LOAD 1", "flattened header", "flattened end mark"})
    CHECK(labels.find(label) != std::string::npos);
}

TEST_CASE("What a later record has replaced is labelled so") {
  const FlatElf sample;
  auto bytes = flat_header();
  add(bytes, flat_record(64, 100, ByteView(sample.elf).subspan(64, 100)));  // as makedumpfile writes ELF
  const std::size_t second = bytes.size();
  add(bytes, flat_record(0, sample.elf.size(), sample.elf));
  add(bytes, flat_record(10, 5, ByteView(sample.elf).subspan(10, 5)));
  add(bytes, flat_record(kFlatEnd, kFlatEnd, {}));
  sample.write(bytes);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> replaced;
  std::uint64_t end = 0;
  for (const LabelledRange& range : must(open_or_fail(sample.path)->map()).tiled(bytes.size())) {
    CHECK(range.offset == end);
    end = range.offset + range.size;
    CHECK(range.label.find("overlap") == std::string::npos);
    if (range.label == "replaced by a later record") replaced.emplace_back(range.offset, range.size);
  }
  CHECK(end == bytes.size());
  CHECK(replaced == std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                        {kFlatHeaderBytes + sizeof(FlatRecord), 100}, {second + sizeof(FlatRecord) + 10, 5}});
}

TEST_CASE("What is wrong with the ELF file inside is said with its place in the flattened file") {
  const FlatElf sample;
  auto elf = sample.elf;
  elf[5] = std::byte{2};  // big-endian
  auto flat = flat_header();
  add(flat, flat_record(0, elf.size(), elf));
  add(flat, flat_record(kFlatEnd, kFlatEnd, {}));
  sample.write(flat);
  const auto image = open_image(sample.path, "", {});
  REQUIRE_FALSE(image);
  CHECK(image.error().kind == ErrorKind::Unsupported);
  CHECK(image.error().offset == kFlatHeaderBytes + sizeof(FlatRecord) + 5);
}

TEST_CASE("A cut flattened ELF file yields no page past its end") {
  const FlatElf sample;
  auto whole = flat_header();
  for (std::size_t at = 0; at < sample.elf.size(); at += 3000) {
    const ByteView part =
        ByteView(sample.elf).subspan(at, std::min<std::size_t>(3000, sample.elf.size() - at));
    add(whole, flat_record(at, part.size(), part));
  }
  std::size_t opened = 0;
  for (std::size_t size = kFlatHeaderBytes; size < whole.size(); size += 1511) {
    sample.write(ByteView(whole).first(size));
    OpenOptions options;
    options.salvage = true;
    const auto image = open_image(sample.path, "", options);
    if (!image) continue;
    ++opened;
    CHECK((*image)->info().state == ImageState::Incomplete);
    CHECK_FALSE((*image)->info().damage.empty());
    PipelineOptions pipeline;
    pipeline.salvage = true;
    pipeline.threads = 1;
    std::size_t wrong = 0;
    pipeline.inspect = [&](const PageBatch& batch) -> Result<void> {
      for (const PageItem& item : batch.items) {
        for (Pfn pfn = item.run.first; item.run.is_present() && pfn < item.run.end(); ++pfn) {
          const ByteView expected = ByteView(sample.memory).subspan(pfn * 4096, 4096);
          wrong += item.run.state == PageState::Data ? std::memcmp(item.bytes, expected.data(), 4096) != 0
                                                     : fill_value(expected) != item.run.fill;
        }
      }
      return {};
    };
    must(run_pipeline(**image, nullptr, pipeline));
    CHECK(wrong == 0);
  }
  CHECK(opened > 10);
}
