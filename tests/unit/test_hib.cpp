#include <filesystem>
#include <fstream>

#include "format/hib/breadcrumbs.h"
#include "format/hib/dedup.h"
#include "lib/image/content_digest.h"
#include "lib/ops/diff.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;

namespace {

// A small image and its memory, in a folder of its own.
struct Packed {
  TempFolder folder;
  std::vector<std::byte> memory;
  std::string raw = folder.file("memory.raw");
  std::string hib = folder.file("image.hib");
  hib_image::WriterStatistics statistics;

  explicit Packed(std::size_t pages = 64, unsigned seed = 1, const PackOptions& options = {})
      : memory(sample_memory(pages, seed)) {
    write_file(raw, memory);
    statistics = pack(raw, hib, options);
  }
  bool holds(const ImageReader& image, Pfn pfn) const {
    std::vector<std::byte> page(4096);
    return image.read_page(pfn, page) && std::memcmp(page.data(), memory.data() + pfn * 4096, 4096) == 0;
  }
  std::vector<hib_image::ChunkEntry> chunks() const {
    const auto image = open_or_fail(hib);
    return must(dynamic_cast<const hib_image::Reader&>(*image).index(0))->index.chunks;
  }
};

std::size_t block_bytes(const hib_image::ChunkEntry& chunk) { return 64 + round_up(chunk.payload_bytes, 16); }

void copy_block(const std::vector<std::byte>& from, const hib_image::ChunkEntry& source,
                std::vector<std::byte>& to, const hib_image::ChunkEntry& target) {
  std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(source.offset), block_bytes(source),
              to.begin() + static_cast<std::ptrdiff_t>(target.offset));
}

}  // namespace

TEST_CASE("Every page of a .hib image is the page that went in, read one by one and all together") {
  const Packed packed(300);
  const auto image = open_or_fail(packed.hib);
  for (Pfn pfn = 0; pfn < 300; ++pfn) REQUIRE(packed.holds(*image, pfn));
  CHECK(digest_of(packed.hib) == digest_of(packed.raw, "raw"));
  CHECK(image->info().content_digest == digest_of(packed.raw, "raw"));
}

TEST_CASE("Equal pages are stored once; zero pages and pages of one byte are not stored at all") {
  const TempFolder folder;
  std::vector<std::byte> memory(64 * 4096);
  for (std::size_t page = 0; page < 64; ++page) {
    std::byte* bytes = memory.data() + page * 4096;
    if (page % 4 == 1) std::fill_n(bytes, 4096, std::byte{0x5A});
    if (page % 4 >= 2) bytes[17] = std::byte{1};  // 32 equal pages
  }
  write_file(folder.file("m"), memory);
  const auto statistics = pack(folder.file("m"), folder.file("m.hib"));
  CHECK(statistics.stored_pages == 1);
  CHECK(statistics.equal_pages == 31);
  CHECK(statistics.filled_pages == 16);
  const auto image = open_or_fail(folder.file("m.hib"));
  CHECK(image->info().pages.zero == 16);
  CHECK(image->info().pages.data == 48);
  CHECK(digest_of(folder.file("m.hib")) == digest_of(folder.file("m"), "raw"));
}

TEST_CASE("The same input gives the same bytes with any number of threads") {
  const TempFolder folder;
  write_file(folder.file("m"), sample_memory(3000, 3));
  PackOptions options;
  options.threads = 1;
  pack(folder.file("m"), folder.file("one"), options);
  options.force = true;
  for (const unsigned threads : {2U, 3U, 8U}) {
    options.threads = threads;
    pack(folder.file("m"), folder.file("many"), options);
    CHECK(read_file(folder.file("one")) == read_file(folder.file("many")));
  }
}

TEST_CASE("The labels of a .hib image cover its file without gap or overlap") {
  const Packed packed;
  const auto image = open_or_fail(packed.hib);
  for (const LabelledRange& range : must(image->map()).tiled(image->info().file_bytes)) {
    CHECK(range.label != "unlabelled");
    CHECK(range.label.find("overlaps") == std::string::npos);
  }
}

TEST_CASE("A change of any single byte of a .hib image is found") {
  PackOptions options;
  options.records = {{"machine", 1, {{"release", std::string("6.1.0-test")}}}};
  const Packed packed(40, 5, options);
  const auto good = read_file(packed.hib);
  REQUIRE(good.size() >= 64U << 10);
  REQUIRE(good.size() <= 256U << 10);
  REQUIRE_FALSE(is_damaged(packed.hib));
  std::fstream file(packed.hib, std::ios::binary | std::ios::in | std::ios::out);
  const auto put = [&](std::size_t at, unsigned value) {
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(value)).flush();
  };
  std::size_t missed = 0;
  std::mt19937 random(11);
  for (std::size_t at = 0; at < good.size(); ++at) {
    const auto value = std::to_integer<unsigned>(good[at]);
    put(at, value ^ (1 + static_cast<unsigned>(random()) % 255));
    if (!is_damaged(packed.hib)) ++missed;
    put(at, value);
  }
  CHECK(missed == 0);
  CHECK_FALSE(is_damaged(packed.hib));
}

TEST_CASE("A .hib image that is cut at any length, or goes on after its end, is found") {
  const Packed packed(40, 5);
  const auto good = read_file(packed.hib);
  std::size_t missed = 0;
  for (std::size_t more = 1; more <= 64; ++more) {
    if ((good.size() + more) % 512 == 0) continue;  // zeros up to a whole sector: test_hib_salvage
    std::filesystem::resize_file(packed.hib, good.size() + more);
    if (!is_damaged(packed.hib)) ++missed;
  }
  for (std::size_t size = good.size(); size-- > 0;) {
    std::filesystem::resize_file(packed.hib, size);
    if (!is_damaged(packed.hib)) ++missed;
  }
  CHECK(missed == 0);
}

TEST_CASE("Blocks that are swapped, repeated or taken from another image are found") {
  const Packed one(64, 1);
  const Packed other(64, 2);
  const auto good = read_file(one.hib);
  const auto donor = read_file(other.hib);
  const auto chunks = one.chunks();
  REQUIRE(chunks.size() >= 4);
  std::size_t tried = 0;
  const auto check = [&](const std::vector<std::byte>& bytes) {
    write_file(one.hib, bytes);
    CHECK(is_damaged(one.hib));
    ++tried;
  };
  for (const auto& a : chunks) {
    for (const auto& b : chunks) {
      if (a.offset == b.offset || block_bytes(a) != block_bytes(b)) continue;
      auto bytes = good;
      copy_block(good, b, bytes, a);
      check(bytes);  // b stands in a's place too
      copy_block(good, a, bytes, b);
      check(bytes);  // they are swapped
    }
    for (const auto& foreign : other.chunks()) {
      if (block_bytes(foreign) > block_bytes(a)) continue;
      auto bytes = good;
      copy_block(donor, foreign, bytes, a);
      check(bytes);
    }
  }
  CHECK(tried > 20);
}

TEST_CASE("Damage in one block costs pages of that block only, and salvage says which") {
  const Packed packed(64, 4);
  auto bytes = read_file(packed.hib);
  const auto victim = packed.chunks()[2];
  bytes[victim.offset + 64 + 48 + victim.map_bytes + 5] ^= std::byte{0x10};
  write_file(packed.hib, bytes);
  const auto image = open_or_fail(packed.hib, true);
  PipelineOptions options;
  options.salvage = true;
  const auto result = must(run_pipeline(*image, nullptr, options));
  REQUIRE_FALSE(result.damage.empty());
  CHECK(result.damage.front().error.offset == victim.offset + 64);
  CHECK(result.pages.unreadable >= victim.slot_count);
  std::uint64_t right = 0;
  for (Pfn pfn = 0; pfn < 64; ++pfn) right += packed.holds(*image, pfn) ? 1 : 0;
  CHECK(right == result.pages.present());
  options.salvage = false;
  CHECK_FALSE(run_pipeline(*image, nullptr, options));
}

TEST_CASE("Salvage of a .hib image that was never finished yields every whole block") {
  const Packed packed(64, 6);
  const auto last = packed.chunks()[packed.chunks().size() / 2];
  std::filesystem::resize_file(packed.hib, last.offset + 100);  // in the middle of a block
  CHECK(open_or_fail(packed.hib)->info().state == ImageState::Incomplete);
  const auto image = open_or_fail(packed.hib, true);
  for (Pfn pfn = 0; pfn < last.first_pfn; ++pfn) CHECK(packed.holds(*image, pfn));
  CHECK_FALSE(packed.holds(*image, last.first_pfn));
}

TEST_CASE("With its index broken, a .hib image is still read in full by walking its blocks") {
  const Packed packed(64, 7);
  auto bytes = read_file(packed.hib);
  const auto whole = open_or_fail(packed.hib);
  bytes[dynamic_cast<const hib_image::Reader&>(*whole).root().indexes[0].offset + 80] ^= std::byte{1};
  write_file(packed.hib, bytes);
  const auto image = open_or_fail(packed.hib, true);
  for (Pfn pfn = 0; pfn < 64; ++pfn) CHECK(packed.holds(*image, pfn));
  CHECK(is_damaged(packed.hib));
  const VerifyReport report = must(verify(*image, 1, {}));
  const auto pages = std::find_if(report.layers.begin(), report.layers.end(),
                                  [](const Layer& layer) { return layer.name == "pages"; });
  REQUIRE(pages != report.layers.end());
  CHECK(pages->result == LayerResult::Ok);
  CHECK(pages->text == "64 pages read, all match their checksums");
  CHECK(report.damage.size() == 1);  // the structure and the walk have met the same place
}

TEST_CASE("An incremental image stores only what changed and needs exactly its base") {
  const TempFolder folder;
  auto memory = sample_memory(200, 8);
  write_file(folder.file("a.raw"), memory);
  pack(folder.file("a.raw"), folder.file("a.hib"));
  for (const std::size_t page : {3U, 50U, 51U, 199U})
    std::fill_n(memory.begin() + static_cast<std::ptrdiff_t>(page * 4096 + 100), 9,
                static_cast<std::byte>(page));
  write_file(folder.file("b.raw"), memory);
  PackOptions options;
  options.base = folder.file("a.hib");
  const auto statistics = pack(folder.file("b.raw"), folder.file("b.hib"), options);
  CHECK(statistics.stored_pages <= 4);
  CHECK(digest_of(folder.file("b.hib")) == digest_of(folder.file("b.raw"), "raw"));
  CHECK_FALSE(is_damaged(folder.file("b.hib")));
  const auto report =
      must(diff(*open_or_fail(folder.file("a.hib")), *open_or_fail(folder.file("b.hib")), {}));
  CHECK(report.by_stored_hashes);
  CHECK(report.changed == 4);
  CHECK(report.same == 196);

  pack(folder.file("b.raw"), folder.file("other.hib"));
  std::filesystem::rename(folder.file("other.hib"), folder.file("a.hib"));
  const auto wrong = open_image(folder.file("b.hib"), "", {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().kind == ErrorKind::WrongBase);
  CHECK(wrong.error().line().find("\"a.hib\" with root hash") != std::string::npos);
  std::filesystem::remove(folder.file("a.hib"));
  CHECK(open_image(folder.file("b.hib"), "", {}).error().kind == ErrorKind::WrongBase);
}

TEST_CASE("Records of a type that nobody knows are kept and shown") {
  PackOptions options;
  options.records = {{"machine", 1, {{"release", std::string("6.1")}}},
                     {"from-the-future", 42, {{"speed", std::uint64_t{88}}}}};
  const Packed packed(8, 1, options);
  const auto image = open_or_fail(packed.hib);
  REQUIRE(image->records().size() == 2);
  CHECK(image->records()[1].type == "from-the-future");
  CHECK(*image->records()[1].number("speed") == 88);
}

TEST_CASE("Breadcrumbs are appended in place and change neither the root hash nor the verdict") {
  const Packed packed(16);
  const auto before = read_file(packed.hib);
  must(hib_image::append_breadcrumb(*must(File::open(packed.hib)), Phase::ResumeAttempted, 123,
                                    "boot of the restorer"));
  must(hib_image::append_breadcrumb(*must(File::open(packed.hib)), Phase::Failed, 0, "device sda is gone"));
  const auto after = read_file(packed.hib);
  REQUIRE(before.size() == after.size());
  CHECK(std::equal(before.begin() + 8192, before.end(), after.begin() + 8192));
  CHECK_FALSE(is_damaged(packed.hib));
  const auto image = open_or_fail(packed.hib);
  const auto& crumbs = image->history();
  REQUIRE(crumbs.size() == 2);
  CHECK(phase_name(crumbs[0].phase) == "resume-attempted");
  CHECK(crumbs[1].text == "device sda is gone");
  for (int i = 2; i < 32; ++i)
    must(hib_image::append_breadcrumb(*must(File::open(packed.hib)), Phase::Saving, 0, ""));
  CHECK(hib_image::append_breadcrumb(*must(File::open(packed.hib)), Phase::Saving, 0, "").error().kind ==
        ErrorKind::Limit);
}

TEST_CASE("An image with a feature of the future is refused by that feature's name") {
  const Packed packed(8);
  auto bytes = read_file(packed.hib);
  bytes[16] |= std::byte{0x20};
  const char name[] = {0, 5, 7, 0, 'p', 'a', 'r', 'i', 't', 'y', '2'};
  std::memcpy(bytes.data() + 1376 + 64, name, sizeof(name));
  const hib_image::DiskHash hash = hib_image::to_disk(hash128(ByteView(bytes).first(4080)));
  std::memcpy(bytes.data() + 4080, &hash, 16);
  write_file(packed.hib, bytes);
  const auto refused = open_image(packed.hib, "", {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::Unsupported);
  CHECK(refused.error().line().find("\"parity2\" (bit 5)") != std::string::npos);
}

TEST_CASE("Pages with equal hashes are not taken for equal pages: their bytes decide") {
  hib_image::DedupTable table(4);
  table.add(0xABCD, 1);
  table.add(0xABCD, 2);
  std::vector<Pfn> compared;
  const auto found = table.find(0xABCD, [&](std::uint64_t, Pfn pfn) {
    compared.push_back(pfn);
    return pfn == 2;
  });
  CHECK(found == 1);
  CHECK(compared == std::vector<Pfn>{1, 2});
}
