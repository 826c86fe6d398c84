// The page tables of x86 and arm64, made by hand: in every form, and as a restore record names them.
#include "lib/memory/page_tables.h"

#include "format/swsusp/restore_tables.h"
#include "lib/memory/paging_arm64.h"
#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr std::uint64_t kTop = 0x2000;
constexpr std::uint64_t kNext = 0x3000;
constexpr std::uint64_t kLast = 0x4000;
constexpr std::uint64_t kLarge = 0x80;
constexpr Address kJump = kKernelMap + 0x1000000;
constexpr std::uint64_t kJumpPhysical = 0x5000000;

// A kernel of 32 bits at 0xC1000000: in a large page, and the page at 0xC1400000 by itself.
void write_pae(KernelMemory& image) {
  const auto entry = [&](std::uint64_t place, std::uint64_t value) {
    image.write_physical(place, object_bytes(le64(value)));
  };
  entry(kTop + 0x20 + 3 * 8, kNext | kPresent);
  entry(kNext + 8 * 8, 0x1000000 | kLarge | kPresent);
  entry(kNext + 10 * 8, kLast | kPresent);
  entry(kLast, 0x7000 | kPresent | std::uint64_t{1} << 63);  // NX
}

void write_plain(KernelMemory& image) {
  const auto entry = [&](std::uint64_t place, std::uint32_t value) {
    image.write_physical(place, object_bytes(le32(value)));
  };
  entry(kTop + 0x304 * 4, 0x1000000 | kLarge | kPresent);
  entry(kTop + 0x305 * 4, static_cast<std::uint32_t>(kNext | kPresent));
  entry(kNext, 0x7000 | kPresent);
}

void check_32(const KernelMemory& image, const PageTables& tables) {
  const PhysicalMemory memory(image);
  CHECK(must(translate(memory, tables, 0xC1001234)) == 0x1001234);
  CHECK(must(translate(memory, tables, 0xC1400123)) == 0x7123);
  CHECK(translate(memory, tables, 0xC1401000).error().kind == ErrorKind::NoPage);
  CHECK(translate(memory, tables, 0x1C1001234).error().found == "not canonical");
}

swsusp::RestoreRecord record(std::uint64_t cr3, Address jump, std::uint64_t jump_physical) {
  swsusp::RestoreRecord restore;
  restore.kind = swsusp::RestoreKind::X86;
  restore.cr3 = cr3;
  restore.jump_address = jump;
  restore.jump_address_phys = jump_physical;
  return restore;
}

std::uint64_t top_of(const KernelMemory&) {
  return KernelMemory::kTopTable - kKernelMap + KernelMemory::kPhysBase;
}

}  // namespace

TEST_CASE("The tables of a 32-bit kernel lead to large pages and to small ones, with PAE and without") {
  KernelMemory pae;
  write_pae(pae);
  check_32(pae, {x86::kPae, kTop + 0x20, 0});
  KernelMemory plain;
  write_plain(plain);
  check_32(plain, {x86::kPlain32, kTop, 0});
}

TEST_CASE("A restore record says how its page tables are read by where they lead") {
  const auto paging_of = [](const KernelMemory& image, std::uint32_t word_bytes,
                            const swsusp::RestoreRecord& restore) {
    const auto tables =
        swsusp::find_page_tables(PhysicalMemory(image), {kPageBytes, word_bytes, false}, restore);
    return tables ? std::optional<Paging>(tables->paging) : std::nullopt;
  };
  KernelMemory pae;
  write_pae(pae);
  CHECK(paging_of(pae, 4, record(kTop + 0x20, 0xC1000010, 0x1000010)) == x86::kPae);
  CHECK(paging_of(pae, 4, record(kTop + 0x20, 0xC1000010, 0x1000014)) == std::nullopt);
  KernelMemory plain;
  write_plain(plain);
  CHECK(paging_of(plain, 4, record(kTop, 0xC1000010, 0x1000010)) == x86::kPlain32);
  for (const unsigned levels : {4U, 5U}) {
    KernelMemory image(levels);
    image.map_large(kJump, 2, kJumpPhysical);
    CHECK(paging_of(image, 8, record(top_of(image), kJump, kJumpPhysical)) ==
          (levels == 5 ? x86::kLevels5 : x86::kLevels4));
    CHECK(paging_of(image, 8, record(top_of(image), kJump, kJumpPhysical ^ 0x200000)) == std::nullopt);
    CHECK(paging_of(image, 8, record(top_of(image) ^ 0x1000, kJump, kJumpPhysical)) == std::nullopt);
  }
}

TEST_CASE("A bit of cr3 that says that memory is encrypted is in every entry, and a flipped one in none") {
  KernelMemory image;
  image.map_large(kJump, 2, kJumpPhysical);
  const std::uint64_t encrypted = std::uint64_t{1} << 47;
  const PhysicalMemory memory(image);
  const swsusp::Abi abi;
  const auto flipped = record(top_of(image) | encrypted, kJump, kJumpPhysical);
  CHECK_FALSE(swsusp::find_page_tables(memory, abi, flipped).has_value());

  KernelMemory marked;
  marked.map_large(kJump, 2, kJumpPhysical);
  const std::array<std::uint64_t, 3> entries = {marked.entry(kJump, 4), marked.entry(kJump, 3),
                                                marked.entry(kJump, 2)};
  for (const unsigned level : {2U, 3U, 4U}) marked.set_entry(kJump, level, entries[4 - level] | encrypted);
  const auto tables = swsusp::find_page_tables(PhysicalMemory(marked), abi, flipped);
  REQUIRE(tables.has_value());
  CHECK(tables->encryption == encrypted);
}

TEST_CASE("The tables of arm64 lead to pages of 4, 16 and 64 KiB, and to large ones") {
  struct Case {
    std::uint64_t page_bytes;
    unsigned used_bits;
    bool is_wide;
    unsigned levels;
  };
  const Case cases[] = {{4096, 39, false, 3},  {4096, 48, false, 4}, {4096, 52, true, 5},
                        {16384, 47, false, 3}, {16384, 52, true, 4}, {65536, 42, false, 2},
                        {65536, 48, false, 3}, {65536, 52, false, 3}};
  for (const Case& c : cases) {
    CAPTURE(c.page_bytes, c.used_bits);
    KernelMemory image;
    image.changeable_info().page_size = static_cast<std::uint32_t>(c.page_bytes);
    const PageTables tables{arm64::paging(c.page_bytes, c.used_bits, c.is_wide), c.page_bytes, 0};
    REQUIRE(tables.paging.levels == c.levels);
    const Address address =
        ~std::uint64_t{0} << c.used_bits | (c.page_bytes << tables.paging.index_bits) | 0x123;
    const auto shift = [&](unsigned level) {
      return tables.paging.page_bits + tables.paging.index_bits * (level - 1);
    };
    // A table of each level in the next page; the first entries, but of level 2 the second.
    for (unsigned level = c.levels; level > 1; --level) {
      const std::uint64_t table = (c.levels - level + 1) * c.page_bytes;
      const std::uint64_t index = level == 2 ? 1 : 0;
      image.write_physical(table + 8 * index, object_bytes(le64((table + c.page_bytes) | 3)));
    }
    const std::uint64_t last = c.levels * c.page_bytes;
    image.write_physical(last, object_bytes(le64(16 * c.page_bytes | 0x703 | std::uint64_t{1} << 54)));
    const PhysicalMemory memory(image);
    const std::uint64_t shareable = c.is_wide && c.page_bytes != 65536 ? std::uint64_t{3} << 50 : 0;
    CHECK(must(translate(memory, tables, address)) == (16 * c.page_bytes | shareable | 0x123));
    CHECK(translate(memory, tables, address + c.page_bytes).error().found ==
          "not mapped, by the table of level 1");
    CHECK(translate(memory, tables, address & ~(std::uint64_t{1} << 63)).error().found == "not canonical");

    const std::uint64_t block = std::uint64_t{1} << shift(2);
    image.write_physical((c.levels - 1) * c.page_bytes + 8, object_bytes(le64(block | 0x401)));
    CHECK(must(translate(PhysicalMemory(image), tables, address)) == (block | 0x123));
    image.write_physical((c.levels - 1) * c.page_bytes + 8, object_bytes(le64(last | 3)));
    image.write_physical(last, object_bytes(le64(16 * c.page_bytes | 0x401)));  // of level 1, and not a page
    CHECK(translate(PhysicalMemory(image), tables, address).error().found ==
          "not mapped, by the table of level 1");
  }
  CHECK(arm64::pagings(8192).empty());
}

TEST_CASE("Entries of arm64 have the highest bits of an address where others are free") {
  KernelMemory image;
  image.changeable_info().page_size = 65536;
  const PageTables tables{arm64::paging(65536, 42, false), 65536, 0};
  image.write_physical(65536, object_bytes(le64(0x20000 | 3)));
  image.write_physical(0x20000, object_bytes(le64(0x30000 | 0x9003)));
  CHECK(must(translate(PhysicalMemory(image), tables, ~std::uint64_t{0} << 42)) ==
        (0x30000 | std::uint64_t{9} << 48));
}
