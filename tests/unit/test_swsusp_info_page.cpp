// The info page of a hibernation image is covered by no checksum. Whatever bit of it flips: the image is
// still one of swsusp, every page is still there, and verify says what is wrong.

#include <cstdlib>
#include <set>

#include "format/swsusp/counts.h"
#include "format/swsusp/image_record.h"
#include "format/swsusp/info_page.h"
#include "format/swsusp/memory_map_search.h"
#include "format/swsusp/stream_plan.h"
#include "lib/image/forwarding_reader.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using swsusp::Abi;
using swsusp::InfoPage;
using swsusp::MemoryMapSearch;
using swsusp::PfnCounter;
using swsusp::RestoreRecord;
using swsusp::StreamCounts;

namespace {

constexpr std::size_t kPage = 4096;
constexpr std::size_t kDigestBytes = 16;
constexpr std::uint64_t kPages = 43;
constexpr std::uint64_t kData = 41;

std::string sample(const std::string& name) {
  const char* corpus = std::getenv("HIB_CORPUS");
  REQUIRE(corpus != nullptr);
  return std::string(corpus) + "/" + name + ".img";
}

std::unique_ptr<ImageReader> opened(const std::string& path) {
  OpenOptions options;
  options.salvage = true;
  return must(open_image(path, "", options));
}

std::size_t info_page_of(const std::string& path) {
  const auto image = opened(path);
  const std::uint64_t size = image->info().file_bytes;
  for (const LabelledRange& range : must(image->map()).tiled(size)) {
    const bool is_first_of_uswsusp =
        image->info().format == "uswsusp" && range.label.starts_with("image data");
    if (range.label.starts_with("info page") || is_first_of_uswsusp) return range.offset;
  }
  FAIL("no info page");
  return 0;
}

// Every bit of the restore record and of the counts that follow: nothing else in the page has a meaning on
// x86.
std::vector<std::size_t> meaningful_bits(std::size_t word) {
  std::vector<std::size_t> bits;
  const auto add = [&](std::size_t offset, std::size_t size) {
    for (std::size_t bit = 8 * offset; bit < 8 * (offset + size); ++bit) bits.push_back(bit);
  };
  const auto& at = swsusp::info_offsets({kPage, static_cast<std::uint32_t>(word), false});
  add(0, 4 * word + kDigestBytes);
  for (const std::size_t offset : {at.num_physpages, at.image_pages, at.pages, at.size}) add(offset, word);
  return bits;
}

// Flips each bit in turn. `unproven`: bits of which nothing in the image tells.
void flip_all_bits(const std::string& name, std::size_t word, const std::set<std::size_t>& unproven = {}) {
  const TempFolder folder;
  const std::string path = folder.file("image");
  auto content = read_file(sample(name));
  const std::size_t info = info_page_of(sample(name));
  const auto whole = opened(sample(name));
  const VerifyReport expected = must(verify(*whole, 1, {}));
  REQUIRE(expected.verdict != Verdict::Damaged);
  for (const std::size_t bit : meaningful_bits(word)) {
    INFO(name << ": byte " << bit / 8 << " of the info page, bit " << bit % 8);
    content[info + bit / 8] ^= std::byte{1} << bit % 8;
    write_file(path, content);
    content[info + bit / 8] ^= std::byte{1} << bit % 8;
    const auto image = opened(path);
    CHECK(image->info().format == whole->info().format);
    CHECK(image->info().state == whole->info().state);
    const VerifyReport report = must(verify(*image, 1, {}));
    CHECK((report.verdict == Verdict::Damaged) == !unproven.contains(bit));
    CHECK(report.pages == expected.pages);
    CHECK(report.content_digest == expected.content_digest);
    if (unproven.contains(bit)) continue;
    REQUIRE_FALSE(report.damage.empty());
    const Error& error = report.damage.front().error;
    CHECK(error.kind == ErrorKind::Corrupt);
    CHECK(error.offset.value_or(0) >= info);
    CHECK(error.offset.value_or(0) < info + kPage);
    const bool is_named =
        error.where.starts_with("info page: ") || error.where.starts_with("restore record: ");
    CHECK(is_named);
  }
}

std::set<std::size_t> bits_of(std::size_t first_byte, std::size_t end_byte) {
  std::set<std::size_t> bits;
  for (std::size_t bit = 8 * first_byte; bit < 8 * end_byte; ++bit) bits.insert(bit);
  return bits;
}

// An info page as the 64-bit kernel of the samples writes it.
std::vector<std::byte> info_page(std::uint64_t image_pages, std::uint64_t pages, std::uint64_t size) {
  std::vector<std::byte> page(kPage);
  const Abi abi;
  const auto& at = swsusp::info_offsets(abi);
  abi.put<std::uint64_t>(page, 24, 0x23456789ABCDEF02);
  abi.put<std::uint64_t>(page, at.num_physpages, 100000);
  abi.put<std::uint64_t>(page, at.image_pages, image_pages);
  abi.put<std::uint64_t>(page, at.pages, pages);
  abi.put<std::uint64_t>(page, at.size, size);
  return page;
}

InfoPage claims(std::uint64_t image_pages, std::uint64_t pages, std::uint64_t size) {
  return swsusp::parse_info_page(info_page(image_pages, pages, size), {}, true);
}

// A page of `count` PFNs, and the end mark.
std::vector<std::byte> pfn_page(std::uint64_t count) {
  std::vector<std::byte> page(kPage);
  const Abi abi;
  for (std::uint64_t i = 0; i < count; ++i) abi.put<std::uint64_t>(page, 8 * i, 0x100 + i);
  if (count < kPage / 8) abi.put<std::uint64_t>(page, 8 * count, ~std::uint64_t{0});
  return page;
}

PfnCounter list_of(std::uint64_t count) {
  PfnCounter list{Abi{}};
  REQUIRE(list.add_page(pfn_page(count)));
  return list;
}

void check_counts(const InfoPage& info, std::optional<std::uint64_t> counted, const PfnCounter* list,
                  std::size_t wrong_fields) {
  const StreamCounts counts = swsusp::judge_counts(info, counted, list);
  CHECK(counts.pages == kPages);
  CHECK(counts.image_pages == kData);
  CHECK(swsusp::wrong_counts(info, counts, 0x2000).size() == wrong_fields);
}

}  // namespace

// In an image with the kernel's page tables, its nodes and the firmware's memory map, every field can be
// proven: jump_address, jump_address_phys and cr3 by each other, the digest by the table, num_physpages by
// the nodes.
TEST_CASE(
    "A flipped bit in the info page of an image with the kernel's pages is damage, and no page is lost") {
  // The magic says CRC32, so the bytes behind the digest's word are nothing that a kernel reads; zeros are
  // what it wrote there, and anything else is damage all the same.
  flip_all_bits("kernel", 8);
  flip_all_bits("kernel-none", 8);
  flip_all_bits("kernel-snapshot", 8);
  flip_all_bits("kernel-32", 4);
  flip_all_bits("kernel-uswsusp", 8);
}

// Without those pages: the addresses are proven as far as a kernel's place in memory is bound, and
// num_physpages by the pages that were saved.
TEST_CASE("A flipped bit in the info page of an image without the kernel's pages loses no page") {
  std::set<std::size_t> unproven = bits_of(16, 24);  // cr3 above the page …
  for (std::size_t bit = 0; bit < 12; ++bit) unproven.erase(8 * 16 + bit);
  for (std::size_t bit = 52; bit < 64; ++bit)
    unproven.erase(8 * 16 + bit);                                         // … and below what no machine has
  unproven.merge(bits_of(32, 36));                                        // the CRC32
  for (std::size_t bit = 21; bit < 30; ++bit) unproven.insert(bit);       // jump_address: which 2 MiB
  for (std::size_t bit = 21; bit < 52; ++bit) unproven.insert(64 + bit);  // jump_address_phys
  const std::size_t physpages = 8 * swsusp::info_offsets({}).num_physpages;
  for (std::size_t bit = 0; bit < 40; ++bit) unproven.insert(physpages + bit);
  flip_all_bits("data-33", 8, unproven);
}

TEST_CASE("The counts are what most of the info page, the PFN list and the blocks say") {
  const PfnCounter list = list_of(kData);
  SECTION("image_pages lies") { check_counts(claims(90, kPages, kPages * kPage), kPages, &list, 1); }
  SECTION("pages lies") { check_counts(claims(kData, 7, kPages * kPage), kPages, &list, 1); }
  SECTION("size lies") { check_counts(claims(kData, kPages, 1), kPages, &list, 1); }
  SECTION("pages and size lie, and the blocks tell nothing") {
    check_counts(claims(kData, 50, 50 * kPage), std::nullopt, &list, 2);
  }
  SECTION("everything lies alike") { check_counts(claims(48, 50, 50 * kPage), kPages, &list, 3); }
  SECTION("everything is far too much") {
    check_counts(claims(~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}), kPages, &list, 3);
  }
  SECTION("everything is zero") { check_counts(claims(0, 0, 0), kPages, &list, 3); }
  SECTION("the blocks lie") { check_counts(claims(kData, kPages, kPages * kPage), 60, &list, 0); }
  SECTION("the list lies") {
    const PfnCounter short_list = list_of(kData - 1);
    check_counts(claims(kData, kPages, kPages * kPage), kPages, &short_list, 0);
  }
  SECTION("no list, and image_pages cannot be") {
    check_counts(claims(~std::uint64_t{0}, kPages, kPages * kPage), kPages, nullptr, 1);
  }
}

TEST_CASE("Nothing that tells a count leaves a stream of the info page alone") {
  const StreamCounts counts = swsusp::judge_counts(claims(0, 0, 0), std::nullopt, nullptr);
  CHECK(counts.pages == 1);
  CHECK(counts.image_pages == 0);
}

TEST_CASE("A wrong count is named with its place, what was found and what is allowed") {
  const auto errors = swsusp::wrong_counts(claims(90, kPages, kPages * kPage), {kPages, kData}, 0x2000);
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].kind == ErrorKind::Corrupt);
  CHECK(errors[0].offset == 0x2000U + 416);
  CHECK(errors[0].where == "info page: image_pages");
  CHECK(errors[0].found == "90");
  CHECK(errors[0].allowed.starts_with("41, "));
}

TEST_CASE("A page of memory is no page of PFNs, and one with some broken entries is") {
  std::vector<std::byte> noise(kPage);
  std::mt19937 random(1);
  for (std::byte& b : noise) b = static_cast<std::byte>(random());
  CHECK_FALSE(PfnCounter{Abi{}}.add_page(noise));
  CHECK_FALSE(PfnCounter{Abi{}}.add_page(std::vector<std::byte>(kPage)));
  auto broken = pfn_page(100);
  Abi{}.put<std::uint64_t>(broken, 8 * 50, 1);
  PfnCounter list{Abi{}};
  CHECK(list.add_page(broken));
  CHECK(list.data_pages() == 100);
  CHECK(list.has_ended());
}

TEST_CASE("A magic is the nearest known one, decided by the digest where two are near") {
  auto page = info_page(kData, kPages, kPages * kPage);
  const Abi abi;
  const auto meant = [&](std::uint64_t magic, std::uint64_t digest, std::uint64_t behind) {
    abi.put<std::uint64_t>(page, 24, magic);
    abi.put<std::uint64_t>(page, 32, digest);
    abi.put<std::uint64_t>(page, 40, behind);
    const InfoPage info = swsusp::parse_info_page(page, {}, true);
    CHECK(info.restore.magic == magic);
    return info.restore.meant_magic.value_or(0);
  };
  CHECK(meant(0x23456789ABCDEF00, 0x12345678, 0) == 0x23456789ABCDEF02);
  CHECK(meant(0x23456789ABCDEF00, 0x1122334455667788, 7) == 0x23456789ABCDEF01);
  CHECK(meant(0x23456789ABCDEF06, 0x12345678, 0) == 0x23456789ABCDEF02);
  CHECK(meant(0xA3456789ABCDEF01, 0x1122334455667788, 7) == 0x23456789ABCDEF01);
  CHECK(meant(0x23456789ABCDEF02, 0x12345678, 0) == 0);  // known
  CHECK(meant(0x23456789ABCDEF7F, 0x12345678, 0) == 0);  // far from both
  CHECK(meant(0x23456789ABCDEF03, 0x12345678, 9) == 0);  // a successor, with another CRC32 behind
  CHECK(meant(0x23456789ABCDEF03, 0x12345678, 0) == 0x23456789ABCDEF02);
}

TEST_CASE("The firmware's memory map is found by its digest, and one that differs in a few bits is another") {
  const auto image = opened(sample("kernel"));
  std::vector<std::byte> page(kPage);
  must(image->read_page(0x1003, page));
  RestoreRecord record;
  const auto look = [&](std::uint32_t crc) {
    record.memory_map_crc = crc;
    MemoryMapSearch search(record);
    search.look_at(page);
    return search.result();
  };
  CHECK(look(0xBA571FD2).result == LayerResult::Ok);
  CHECK(look(0xBA571FD3).result == LayerResult::Bad);
  CHECK(look(0xBA571FD3).found == "ba571fd2");
  CHECK(look(0x12345678).result == LayerResult::NotProvable);
  page[0x604] = std::byte{0xFF};  // the first entry begins behind the second
  page[0x60B] = std::byte{0x0F};
  CHECK(look(0xBA571FD2).result == LayerResult::NotProvable);
}

TEST_CASE("A stream for a kernel is not planned with a damaged restore record") {
  const auto image = opened(sample("kernel"));
  const Record* record = find_record(image->records(), swsusp::kSwsuspRecord);
  REQUIRE(record != nullptr);
  must(swsusp::plan_stream(*image));
  const auto refused_for = [&](std::size_t byte, std::uint8_t bits) {
    auto damaged = must(swsusp::decode_image_record(*record));
    damaged.info.raw[byte] ^= std::byte{bits};
    const auto plan = swsusp::plan_stream(WithRecords(*image, {encode_image_record(damaged)}));
    REQUIRE_FALSE(plan);
    CHECK(plan.error().kind == ErrorKind::Refused);
    return plan.error().where;
  };
  CHECK(refused_for(24, 0x04) == "restore record: magic");
  CHECK(refused_for(2, 0x20) == "restore record: jump_address");
  CHECK(refused_for(19, 0x20) == "restore record: cr3");
}
