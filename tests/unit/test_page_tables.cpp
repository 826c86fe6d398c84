// The page tables of x86, made by hand: in every form, and as a restore record names them.
#include "lib/memory/page_tables.h"

#include "format/swsusp/restore_tables.h"
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
  check_32(pae, {Paging::Pae, kTop + 0x20, 0});
  KernelMemory plain;
  write_plain(plain);
  check_32(plain, {Paging::Plain32, kTop, 0});
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
  CHECK(paging_of(pae, 4, record(kTop + 0x20, 0xC1000010, 0x1000010)) == Paging::Pae);
  CHECK(paging_of(pae, 4, record(kTop + 0x20, 0xC1000010, 0x1000014)) == std::nullopt);
  KernelMemory plain;
  write_plain(plain);
  CHECK(paging_of(plain, 4, record(kTop, 0xC1000010, 0x1000010)) == Paging::Plain32);
  for (const unsigned levels : {4U, 5U}) {
    KernelMemory image(levels);
    image.map_large(kJump, 2, kJumpPhysical);
    CHECK(paging_of(image, 8, record(top_of(image), kJump, kJumpPhysical)) ==
          (levels == 5 ? Paging::Levels5 : Paging::Levels4));
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
