// What is left of a .hib image that was damaged, cut off, or put on a medium of another size.
#include <filesystem>

#include "format/hib/lost.h"
#include "format/hib/walk.h"
#include "lib/ops/diff.h"
#include "lib/ops/verify.h"
#include "tests/support/images.h"

using namespace hib;
using namespace hib::test;
using hib_image::ChunkEntry;

namespace {

constexpr std::uint64_t kSector = 512;

std::vector<std::byte> noise(std::size_t pages) {
  std::mt19937 generator(3);
  std::vector<std::byte> memory(pages * 4096);
  for (std::byte& byte : memory) byte = static_cast<std::byte>(generator());
  return memory;
}

// A .hib image of some memory, and places in it.
struct Victim {
  TempFolder folder;
  std::vector<std::byte> memory;
  std::string raw = folder.file("memory.raw");
  std::string hib = folder.file("image.hib");
  std::string whole = folder.file("whole.hib");
  std::vector<std::byte> bytes;
  std::vector<hib_image::IndexRef> indexes;
  std::vector<ChunkEntry> chunks;

  explicit Victim(std::vector<std::byte> pages, std::uint32_t chunk_pages = 4, std::uint64_t base_address = 0)
      : memory(std::move(pages)) {
    write_file(raw, memory);
    PackOptions options;
    options.chunk_pages = chunk_pages;
    options.base_address = base_address;
    pack(raw, hib, options);
    std::filesystem::copy_file(hib, whole);
    bytes = read_file(hib);
    const auto image = open_or_fail(hib);
    const auto& reader = dynamic_cast<const hib_image::Reader&>(*image);
    indexes = reader.root().indexes;
    for (std::size_t i = 0; i < indexes.size(); ++i) {
      const auto& more = must(reader.index(i))->index.chunks;
      chunks.insert(chunks.end(), more.begin(), more.end());
    }
  }

  void flip(std::uint64_t at) { bytes[at] ^= std::byte{1}; }
  void flip_frame(const ChunkEntry& chunk) { flip(frame(chunk)); }
  static std::uint64_t frame(const ChunkEntry& chunk) {
    return chunk.offset + 64 + 48 + chunk.map_bytes + 100;
  }
  void cut_commit() { bytes.resize(bytes.size() - 128); }
  void remove(std::uint64_t at, std::uint64_t count) {
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    bytes.erase(first, first + static_cast<std::ptrdiff_t>(count));
  }
  void insert(std::uint64_t at, std::size_t count) {
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, std::byte{'A'});
  }

  std::unique_ptr<ImageReader> salvage() const {
    write_file(hib, bytes);
    return open_or_fail(hib, true);
  }
  // Every page but those of this block is the one that went in, and those are unreadable.
  void check_only_lost(const ImageReader& image, const ChunkEntry& lost) const {
    std::vector<std::byte> page(4096);
    std::size_t wrong = 0;
    for (Pfn pfn = 0; pfn < memory.size() / 4096; ++pfn) {
      if (pfn >= lost.first_pfn && pfn < lost.end_pfn()) continue;
      if (!image.read_page(pfn, page) || std::memcmp(page.data(), memory.data() + pfn * 4096, 4096) != 0)
        ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(unreadable(image) == std::vector<PfnRange>{{lost.first_pfn, lost.page_count}});
    // Nothing is read or shown for them where no block is.
    CHECK(must(verify(image, 1, {})).damage.size() == image.info().damage.size());
    for (const LabelledRange& range : must(image.map()).tiled(image.info().file_bytes))
      CHECK(range.label.find("overlaps") == std::string::npos);
  }

  static std::vector<PfnRange> unreadable(const ImageReader& image) {
    std::vector<PfnRange> ranges;
    const auto runs = must(image.runs());
    while (const auto run = must(runs->next())) {
      if (run->state == PageState::Unreadable) ranges.emplace_back(run->first, run->count);
    }
    return ranges;
  }
};

std::vector<PfnRange> lost_pages(const std::vector<Damage>& damage) {
  std::vector<PfnRange> lost;
  for (const Damage& one : damage) lost.insert(lost.end(), one.lost_pfns.begin(), one.lost_pfns.end());
  return lost;
}

bool holds(const Victim& victim, const ImageReader& image, Pfn pfn) {
  std::vector<std::byte> page(4096);
  return image.read_page(pfn, page) && std::memcmp(page.data(), victim.memory.data() + pfn * 4096, 4096) == 0;
}

}  // namespace

TEST_CASE("Zeros behind a .hib image up to the next whole sector are no damage") {
  const Victim victim(sample_memory(40, 5));
  REQUIRE(victim.bytes.size() % kSector != 0);
  std::filesystem::resize_file(victim.hib, round_up(victim.bytes.size(), kSector));
  const auto image = open_or_fail(victim.hib);
  CHECK(image->info().state == ImageState::Complete);
  CHECK(image->info().findings.empty());
  CHECK(must(verify(*image, 1, {})).verdict == Verdict::Good);
  CHECK(must(image->map()).tiled(image->info().file_bytes).back().label == "zeros up to a whole sector");
  CHECK_FALSE(is_damaged(victim.hib));
}

TEST_CASE("What else lies behind a .hib image is damage: other bytes, half a sector, one sector more") {
  const Victim victim(sample_memory(40, 5));
  const std::size_t size = victim.bytes.size();
  const std::size_t whole = round_up(size, kSector);
  REQUIRE(size + 16 < whole);
  for (const std::size_t at : {size, whole - 1}) {
    auto other = victim.bytes;
    other.resize(whole);
    other[at] = std::byte{1};
    write_file(victim.hib, other);
    CHECK(is_damaged(victim.hib));
  }
  for (const std::size_t end : {size + 16, whole - 1, whole + 1, whole + kSector}) {
    write_file(victim.hib, victim.bytes);
    std::filesystem::resize_file(victim.hib, end);
    CHECK(is_damaged(victim.hib));
  }
}

TEST_CASE("Bytes that are gone from a block cost its pages and not those of the blocks behind it") {
  Victim victim(noise(64));
  const ChunkEntry lost = victim.chunks[5];
  victim.remove(Victim::frame(lost), 4096);
  victim.check_only_lost(*victim.salvage(), lost);
}

TEST_CASE("Bytes that were inserted into a block cost its pages and not those of the blocks behind it") {
  Victim victim(noise(64));
  const ChunkEntry lost = victim.chunks[5];
  victim.insert(Victim::frame(lost), 16);
  victim.check_only_lost(*victim.salvage(), lost);
}

TEST_CASE("Bytes that are gone from the index between blocks cost no page") {
  Victim victim(noise(1100), 1);
  REQUIRE(victim.indexes.size() == 2);
  victim.remove(victim.indexes[0].offset + 64 + 1000, 8192);
  const auto image = victim.salvage();
  std::size_t wrong = 0;
  for (Pfn pfn = 0; pfn < 1100; ++pfn) wrong += holds(victim, *image, pfn) ? 0 : 1;
  CHECK(wrong == 0);
  CHECK(Victim::unreadable(*image).empty());
}

TEST_CASE("Blocks that all claim the rest of a file are not each read to its end") {
  Victim victim(noise(4));
  const std::uint64_t from = victim.chunks[0].offset;
  std::vector<std::byte> header(victim.bytes.begin() + static_cast<std::ptrdiff_t>(from),
                                victim.bytes.begin() + static_cast<std::ptrdiff_t>(from + 64));
  victim.bytes.resize(from);
  constexpr std::uint64_t kBlocks = 20000;
  for (std::uint64_t i = 0; i < kBlocks; ++i) {
    const le64 payload_bytes = (kBlocks - 1 - i) * 64;
    std::memcpy(header.data() + 16, &payload_bytes, 8);
    const le64 hash = hash64(ByteView(header).first(56));
    std::memcpy(header.data() + 56, &hash, 8);
    victim.bytes.insert(victim.bytes.end(), header.begin(), header.end());
  }
  victim.bytes.resize(victim.bytes.size() + 4096);
  const auto image = victim.salvage();
  CHECK(image->info().damage.size() > 2);
  CHECK(image->info().damage.size() < 20);
}

TEST_CASE("Without its root, a .hib image still knows by its index which pages a broken block held") {
  Victim victim(sample_memory(64, 4));
  for (const std::size_t which : {std::size_t{0}, std::size_t{3}, victim.chunks.size() - 1}) {
    const auto good = victim.bytes;
    const ChunkEntry lost = victim.chunks[which];
    victim.flip(lost.offset + 64 + 20);
    victim.cut_commit();
    const auto image = victim.salvage();
    CHECK(image->info().pages.total() == 64);
    CHECK(image->info().pages.unreadable == lost.page_count);
    CHECK(lost_pages(image->info().damage) == std::vector<PfnRange>{{lost.first_pfn, lost.page_count}});
    std::vector<PfnRange> unreadable = Victim::unreadable(*image);
    CHECK(std::find(unreadable.begin(), unreadable.end(), PfnRange{lost.first_pfn, lost.page_count}) !=
          unreadable.end());
    PipelineOptions options;
    options.salvage = true;
    const auto report = must(diff(*image, *open_or_fail(victim.whole), options));
    CHECK(report.only_a == 0);
    CHECK(report.only_b == 0);
    CHECK(report.changed == 0);
    CHECK(report.unknown >= lost.page_count);
    victim.bytes = good;
  }
}

TEST_CASE("What the index says was no memory is not lost with the block behind it") {
  Victim victim(noise(64), 4, 256 * 4096);
  REQUIRE(victim.chunks[0].first_pfn == 256);
  victim.flip_frame(victim.chunks[0]);
  victim.cut_commit();
  const auto image = victim.salvage();
  CHECK(Victim::unreadable(*image) == std::vector<PfnRange>{{256, 4}});
  CHECK(lost_pages(image->info().damage) == std::vector<PfnRange>{{256, 4}});
}

TEST_CASE("An index does not hide what is lost of the blocks of another index that is broken") {
  Victim victim(noise(1100), 1);
  REQUIRE(victim.indexes.size() == 2);
  victim.flip(victim.indexes[0].offset + 80);
  victim.flip_frame(victim.chunks[500]);
  victim.flip_frame(victim.chunks[1050]);
  victim.cut_commit();
  const auto image = victim.salvage();
  CHECK(Victim::unreadable(*image) == std::vector<PfnRange>{{500, 1}, {1050, 1}});
  CHECK(lost_pages(image->info().damage) == std::vector<PfnRange>{{500, 1}, {1050, 1}});
}

TEST_CASE("Without root and index, pages are known to be lost where as many stored pages are missing") {
  Victim victim(noise(64));
  const ChunkEntry lost = victim.chunks[5];
  victim.flip_frame(lost);
  victim.bytes.resize(victim.indexes[0].offset);
  victim.check_only_lost(*victim.salvage(), lost);
}

TEST_CASE("Without root and index, pages that may have been no memory are named and not counted") {
  auto memory = noise(64);
  std::fill_n(memory.begin() + 21 * 4096, 4096, std::byte{0});
  Victim victim(std::move(memory));
  const ChunkEntry& lost = victim.chunks[5];
  REQUIRE(lost.first_pfn <= 21);
  REQUIRE(lost.end_pfn() > 21);
  victim.flip_frame(lost);
  victim.bytes.resize(victim.indexes[0].offset);
  const auto image = victim.salvage();
  CHECK(Victim::unreadable(*image).empty());
  CHECK(image->info().pages.total() == 64 - lost.page_count);
  CHECK(lost_pages(image->info().damage) == std::vector<PfnRange>{{lost.first_pfn, lost.page_count}});
}

TEST_CASE("With one of its indexes broken, pages are lost of the blocks of this index only") {
  for (const std::size_t which : {std::size_t{1024}, std::size_t{1099}}) {
    Victim victim(noise(1100), 1);
    REQUIRE(victim.indexes.size() == 2);
    const ChunkEntry lost = victim.chunks[which];
    victim.flip(victim.indexes[1].offset + 80);
    victim.flip_frame(lost);
    const auto image = victim.salvage();
    CHECK(Victim::unreadable(*image) == std::vector<PfnRange>{{lost.first_pfn, 1}});
    CHECK(lost_pages(must(verify(*image, 1, {})).damage) == std::vector<PfnRange>{{lost.first_pfn, 1}});
  }
}

namespace {

// Three blocks: pages 0 to 3; 8 and 9, 12 and 13; 16 to 19. The second has a hole.
hib_image::Index three_blocks() {
  const auto stored = [](unsigned count) { return static_cast<std::byte>(count << 3 | 4U); };
  const std::byte hole{2 << 3 | 7};
  hib_image::Index index;
  index.maps = {stored(4), stored(2), hole, stored(2), stored(4)};
  index.chunks = {{100, 10, 0, 4, 0, 4, 1, 0, {1, 1}},
                  {200, 10, 8, 6, 4, 4, 3, 1, {2, 2}},
                  {300, 10, 16, 4, 8, 4, 1, 4, {3, 3}}};
  return index;
}

}  // namespace

TEST_CASE(
    "Of a block that only the index knows, its pages are lost, and what lies between them is no memory") {
  const auto told = three_blocks();
  auto walked = told;
  walked.chunks.erase(walked.chunks.begin() + 1);
  const auto lost = hib_image::fill_from_index(walked, told);
  REQUIRE(lost);
  CHECK(*lost == std::vector<PfnRange>{{8, 2}, {12, 2}});
  REQUIRE(walked.chunks.size() == 3);
  const ChunkEntry& chunk = walked.chunks[1];
  CHECK(chunk.is_lost);
  const auto runs = must(hib_image::decode_map(walked.map_of(chunk), 0, chunk.first_pfn, chunk.page_count,
                                               chunk.first_slot, chunk.slot_count));
  REQUIRE(runs.size() == 3);
  CHECK(runs[0].kind == hib_image::MapKind::Unreadable);
  CHECK(runs[1].kind == hib_image::MapKind::Hole);
  CHECK(runs[2].end() == 14);
}

TEST_CASE("An index that names none of the blocks that were found, or not all of them, tells nothing") {
  const auto told = three_blocks();
  const auto is_ignored = [&](hib_image::Index walked) {
    const std::size_t maps = walked.maps.size();
    const std::size_t chunks = walked.chunks.size();
    CHECK_FALSE(hib_image::fill_from_index(walked, told));
    CHECK(walked.maps.size() == maps);
    CHECK(walked.chunks.size() == chunks);
  };
  is_ignored({});
  auto none = told;
  for (ChunkEntry& chunk : none.chunks) chunk.payload_hash.low += 10;
  is_ignored(none);
  auto not_all = told;
  not_all.chunks[1].payload_hash.low += 10;
  is_ignored(not_all);
  auto slots = told;
  slots.chunks.insert(slots.chunks.begin(), ChunkEntry{});
  slots.chunks[0].slot_count = 1;  // of a page before, whose slot the index has too
  is_ignored(slots);
}
