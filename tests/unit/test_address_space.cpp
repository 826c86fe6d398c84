// The kernel's addresses, through page tables made by hand.
#include "lib/memory/address_space.h"

#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr Address kSomewhere = 0xFFFFC90000123000;   // vmalloc, 4 levels
constexpr Address kFiveLevels = 0xFFA0000000123000;  // vmalloc, 5 levels
constexpr std::uint64_t kLargePhysical = 0x40000000;

Error error_of(const KernelMemory& image) {
  auto space = AddressSpace::open(image);
  REQUIRE(!space);
  return space.error();
}

Error error_at(const KernelMemory& image, Address address) {
  const AddressSpace space = must(AddressSpace::open(image));
  auto word = space.word(address);
  REQUIRE(!word);
  return word.error();
}

}  // namespace

TEST_CASE("An address is found through four levels, and through five") {
  KernelMemory four(4);
  four.write_word(kSomewhere + 8, 0x1122334455667788);
  const AddressSpace space = must(AddressSpace::open(four));
  REQUIRE(space.levels() == 4);
  REQUIRE(must(space.word(kSomewhere + 8)) == 0x1122334455667788);
  REQUIRE(must(space.physical(kSomewhere + 8)) == four.physical(kSomewhere + 8));

  KernelMemory five(5);
  five.write_word(kFiveLevels, 42);
  const AddressSpace wide = must(AddressSpace::open(five));
  REQUIRE(wide.levels() == 5);
  REQUIRE(must(wide.word(kFiveLevels)) == 42);
}

TEST_CASE("Pages of 2 MiB and of 1 GiB end the walk early") {
  KernelMemory image;
  const std::uint64_t inside = 0x123458;
  image.map_large(0xFFFF888000000000, 2, kLargePhysical);
  image.map_large(0xFFFF888040000000, 3, kLargePhysical);
  image.write_physical(kLargePhysical + inside, object_bytes(le64(7)));
  image.write_physical(kLargePhysical + 0x20000000 + inside, object_bytes(le64(8)));
  const AddressSpace space = must(AddressSpace::open(image));
  REQUIRE(must(space.word(0xFFFF888000000000 + inside)) == 7);
  REQUIRE(must(space.word(0xFFFF888040000000 + 0x20000000 + inside)) == 8);
}

TEST_CASE("A read goes over page borders, and a long one too") {
  KernelMemory image;
  Bytes content(5 * kPageBytes);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::byte>(i * 7 >> 3);
  image.write(kSomewhere, content);
  const AddressSpace space = must(AddressSpace::open(image));
  REQUIRE(must(space.bytes(kSomewhere + 5, content.size() - 9)) ==
          Bytes(content.begin() + 5, content.end() - 4));
  REQUIRE(must(space.bytes(kSomewhere + kPageBytes - 3, 6)) ==
          Bytes(content.begin() + kPageBytes - 3, content.begin() + kPageBytes + 3));
}

TEST_CASE("Pages that are asked for again are not read again") {
  KernelMemory image;
  image.write_word(kSomewhere, 1);
  const AddressSpace space = must(AddressSpace::open(image));
  must(space.word(kSomewhere));
  const std::uint64_t once = image.pages_read();
  for (int i = 0; i < 100; ++i) must(space.word(kSomewhere + 8));
  REQUIRE(image.pages_read() == once);
  REQUIRE(space.pages_read() == once);
}

TEST_CASE("More pages than the cache keeps are still read rightly") {
  KernelMemory image;
  constexpr std::uint64_t kPages = 3000;
  for (std::uint64_t i = 0; i < kPages; ++i) image.write_word(kSomewhere + i * kPageBytes, i);
  const AddressSpace space = must(AddressSpace::open(image));
  for (int pass = 0; pass < 2; ++pass)
    for (std::uint64_t i = 0; i < kPages; ++i) REQUIRE(must(space.word(kSomewhere + i * kPageBytes)) == i);
}

TEST_CASE("Text ends at a NUL or at the limit") {
  KernelMemory image;
  image.write_text(kSomewhere + kPageBytes - 4, "swapfile");
  const AddressSpace space = must(AddressSpace::open(image));
  REQUIRE(must(space.text(kSomewhere + kPageBytes - 4, 100)) == "swapfile");
  REQUIRE(must(space.text(kSomewhere + kPageBytes - 4, 6)) == "swapfi");
  REQUIRE(must(space.text(kSomewhere + kPageBytes - 4, 0)).empty());
}

TEST_CASE("The bit that says that a page is encrypted is no address") {
  KernelMemory image;
  const std::uint64_t encrypted = std::uint64_t{1} << 47;
  image.write_word(kSomewhere, 5);
  image.set_entry(kSomewhere, 1, image.entry(kSomewhere, 1) | encrypted);
  REQUIRE(error_at(image, kSomewhere).kind == ErrorKind::Corrupt);
  image.set_vmcoreinfo("NUMBER(sme_mask)", std::to_string(encrypted));
  REQUIRE(must(must(AddressSpace::open(image)).word(kSomewhere)) == 5);
}

TEST_CASE(
    "phys_base comes from the record where VMCOREINFO does not have it, the table by its other name too") {
  KernelMemory image;
  image.write_word(kSomewhere, 5);
  image.set_vmcoreinfo("NUMBER(phys_base)", std::nullopt);
  REQUIRE(error_of(image).kind == ErrorKind::NotFound);
  image.machine().set("phys_base", KernelMemory::kPhysBase);
  image.set_vmcoreinfo("SYMBOL(swapper_pg_dir)", std::nullopt);
  REQUIRE(error_of(image).kind == ErrorKind::NotFound);
  image.set_symbol("init_top_pgt", KernelMemory::kTopTable);
  REQUIRE(must(must(AddressSpace::open(image)).word(kSomewhere)) == 5);
}

TEST_CASE("Of arm64, VMCOREINFO says where the tables are and how long its addresses are") {
  constexpr Address kOffset = 0xFFFF800080000000;
  KernelMemory image;
  const auto entry = [&](std::uint64_t place, std::uint64_t value) {
    image.write_physical(place, object_bytes(le64(value)));
  };
  entry(0x2000 + 0x800, 0x3003);             // 0xFFFF8000…: a table
  entry(0x3000 + 0x10, 0x40000000 | 0x701);  // …80000000: a page of 1 GiB
  entry(0x40001000, 42);
  image.set_vmcoreinfo("NUMBER(phys_base)", std::nullopt);
  image.set_vmcoreinfo("NUMBER(kimage_voffset)", "0xffff800080000000");
  image.set_vmcoreinfo("NUMBER(VA_BITS)", "52");
  image.set_vmcoreinfo("NUMBER(TCR_EL1_T1SZ)", "0x10");
  image.set_symbol("swapper_pg_dir", kOffset + 0x2000);
  const AddressSpace space = must(AddressSpace::open(image));
  CHECK(space.levels() == 4);
  CHECK(space.image_offset() == kOffset);
  CHECK(must(space.word(kOffset + 0x1000)) == 42);
  CHECK(space.word(0x0000800080001000).error().found == "not canonical");

  image.machine().set("machine", std::string("aarch64"));
  CHECK(must(must(AddressSpace::open(image)).word(kOffset + 0x1000)) == 42);
  image.set_vmcoreinfo("NUMBER(TCR_EL1_T1SZ)", "0x30");
  CHECK(error_of(image).kind == ErrorKind::Unsupported);
  image.set_vmcoreinfo("NUMBER(TCR_EL1_T1SZ)", std::nullopt);
  CHECK(must(AddressSpace::open(image)).levels() == 5);
  for (const char* key : {"NUMBER(VA_BITS)", "NUMBER(kimage_voffset)", "SYMBOL(swapper_pg_dir)"}) {
    image.set_vmcoreinfo(key, std::nullopt);
    CHECK(error_of(image).kind == ErrorKind::NotFound);
    CHECK(error_of(image).found == std::string("no ") + key);
  }
}

TEST_CASE("An image may count in smaller pages than its arm64 kernel, whose VMCOREINFO says their size") {
  constexpr Address kOffset = 0xFFFF800000000000;
  KernelMemory image;
  image.write_physical(0x4000, object_bytes(le64(0x8003)));
  image.write_physical(0x8000, object_bytes(le64(0x2000000 | 0x701)));  // a page of 32 MiB
  image.write_physical(0x2001000, object_bytes(le64(42)));
  image.set_vmcoreinfo("NUMBER(phys_base)", std::nullopt);
  image.set_vmcoreinfo("NUMBER(kimage_voffset)", "0xffff800000000000");
  image.set_vmcoreinfo("NUMBER(VA_BITS)", "47");
  image.set_vmcoreinfo("PAGESIZE", "16384");
  image.set_symbol("swapper_pg_dir", kOffset + 0x4000);
  CHECK(must(must(AddressSpace::open(image)).word(kOffset + 0x1000)) == 42);
}

TEST_CASE("An image that does not say where the tables are, or is of another machine, is refused") {
  KernelMemory without;
  without.forget_records();
  REQUIRE(error_of(without).kind == ErrorKind::NotFound);
  REQUIRE(error_of(without).file == "memory");

  KernelMemory riscv;
  riscv.machine().set("machine", std::string("riscv64"));
  REQUIRE(error_of(riscv).kind == ErrorKind::Unsupported);
  REQUIRE(error_of(riscv).found == "riscv64");

  KernelMemory large_pages;
  large_pages.changeable_info().page_size = 65536;
  REQUIRE(error_of(large_pages).kind == ErrorKind::Unsupported);

  KernelMemory low;
  low.set_symbol("swapper_pg_dir", 0x1000);
  REQUIRE(error_of(low).kind == ErrorKind::Corrupt);
}

TEST_CASE("What is not mapped, not canonical or not in the image is an error with its address") {
  KernelMemory image;
  image.write_word(kSomewhere, 5);
  REQUIRE(error_at(image, kSomewhere + kPageBytes).kind == ErrorKind::NoPage);
  REQUIRE(error_at(image, kSomewhere + kPageBytes).found == "not mapped, by the table of level 1");
  REQUIRE(error_at(image, 0xFFFF888000000000).found == "not mapped, by the table of level 4");
  REQUIRE(error_at(image, 0x0000900000000000).found == "not canonical");
  image.lose(kSomewhere);
  REQUIRE(error_at(image, kSomewhere).kind == ErrorKind::NoPage);
  REQUIRE(error_at(image, kSomewhere).where.find("kernel address 0xffffc90000123000") != std::string::npos);
}

TEST_CASE("Tables that lead out of memory, or to themselves, end in an error or in a page") {
  KernelMemory image;
  image.write_word(kSomewhere, 5);
  image.set_entry(kSomewhere, 2, KernelMemory::kEndPfn * kPageBytes | 1);
  REQUIRE(error_at(image, kSomewhere).kind == ErrorKind::Corrupt);
  const std::uint64_t top = KernelMemory::kTopTable - kKernelMap + KernelMemory::kPhysBase;
  image.set_entry(kSomewhere, 4, top | 1);  // as many steps as there are levels, no more
  const AddressSpace space = must(AddressSpace::open(image));
  const auto word = space.word(kSomewhere);
  REQUIRE((word || word.error().kind == ErrorKind::NoPage));
}

TEST_CASE("More bytes than the memory has are refused before they are allocated") {
  KernelMemory image;
  const AddressSpace space = must(AddressSpace::open(image));
  REQUIRE(space.bytes(kSomewhere, ~std::uint64_t{0}).error().kind == ErrorKind::Corrupt);
}
