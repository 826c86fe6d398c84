// A kernel's types, made by hand, and damaged.
#include "lib/memory/types.h"

#include "lib/memory/kernel.h"
#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr std::size_t kHeader = 24;

struct Sample {
  Btf btf;
  std::uint32_t u8, u32, u64, name, inner, anonymous, outer;

  Sample() {
    u8 = btf.integer("u8", 1);
    u32 = btf.integer("u32", 4);
    u64 = btf.integer("u64", 8);
    name = btf.array(u8, 16);
    const auto alias = btf.simple(TypeKind::Const, "", btf.simple(TypeKind::Typedef, "number_t", u32));
    inner = btf.structure("inner", 8, {{"low", u32, 0}, {"high", alias, 32}});
    anonymous = btf.structure("", 8, {{"first", u32, 0}, {"second", u32, 32}});
    const auto either = btf.structure("", 8, {{"", anonymous, 0}, {"both", u64, 0}}, true);
    outer = btf.structure("outer", 48,
                          {{"number", u64, 0},
                           {"", either, 64},
                           {"part", inner, 128},
                           {"name", name, 192},
                           {"self", btf.pointer(btf.count() + 2), 320}});
    btf.structure("flags", 4, {{"plain", u32, 0}, {"bits", u32, 5, 3}});
  }
  Types types() const { return must(Types::parse(btf.bytes())); }
};

Error error_of(Bytes btf) {
  const auto types = Types::parse(std::move(btf));
  REQUIRE(!types);
  return types.error();
}

template <typename T>
void check_damaged(std::size_t at, const T& value, ErrorKind kind, std::uint64_t offset) {
  Bytes damaged = Sample().btf.bytes();
  put(damaged, at, value);
  const Error error = error_of(damaged);
  REQUIRE(error.kind == kind);
  REQUIRE(error.offset == offset);
}

}  // namespace

TEST_CASE("A member is found by its path, through unnamed structures") {
  const Types types = Sample().types();
  REQUIRE(must(types.member("outer", "number")).bit_offset == 0);
  REQUIRE(must(types.member("outer", "first")).offset() == 8);
  REQUIRE(must(types.member("outer", "second")).offset() == 12);
  REQUIRE(must(types.member("outer", "both")).offset() == 8);
  REQUIRE(must(types.member("outer", "part.high")).offset() == 20);
  REQUIRE(must(types.member("outer", "self")).offset() == 40);
  REQUIRE(must(types.size_bytes("outer")) == 48);
}

TEST_CASE("A bit-field has its bits, a plain member beside it none") {
  const Types types = Sample().types();
  const Member bits = must(types.member("flags", "bits"));
  REQUIRE(bits.bit_offset == 5);
  REQUIRE(bits.bits == 3);
  REQUIRE(must(types.member("flags", "plain")).bits == 0);
}

TEST_CASE("Sizes go through names, arrays and pointers") {
  const Sample sample;
  const Types types = sample.types();
  REQUIRE(must(types.size_bytes(must(types.member("inner", "high")).type)) == 4);
  REQUIRE(must(types.size_bytes(must(types.member("outer", "name")).type)) == 16);
  REQUIRE(must(types.size_bytes(must(types.member("outer", "self")).type)) == 8);
  REQUIRE(must(types.kind(must(types.member("inner", "high")).type)) == TypeKind::Int);
  REQUIRE(types.size_bytes(TypeId{0}).error().kind == ErrorKind::Unsupported);
}

TEST_CASE("What is not there is not found") {
  const Types types = Sample().types();
  REQUIRE(types.structure("none").error().kind == ErrorKind::NotFound);
  REQUIRE(types.structure("u8").error().kind == ErrorKind::NotFound);
  REQUIRE(types.member("none", "number").error().kind == ErrorKind::NotFound);
  for (const char* path : {"none", "part.none", "number.low", ".part"})
    REQUIRE(types.member("outer", path).error().kind == ErrorKind::NotFound);
  REQUIRE(must(has_member(types, "outer", "part.low")));
  REQUIRE(!must(has_member(types, "outer", "part.none")));
}

TEST_CASE("A broken header is refused, with its place") {
  REQUIRE(error_of({}).kind == ErrorKind::Truncated);
  check_damaged(0, le16(0x9FEB), ErrorKind::Corrupt, 0);
  check_damaged(2, std::byte{2}, ErrorKind::Unsupported, 2);
  check_damaged(4, le32(23), ErrorKind::Corrupt, 4);
  check_damaged(4, le32(0xFFFFFFFF), ErrorKind::Corrupt, 4);
  check_damaged(8, le32(0xFFFFFFFF), ErrorKind::Corrupt, 8);
  check_damaged(12, le32(0xFFFFFFFF), ErrorKind::Corrupt, 8);
  check_damaged(16, le32(0xFFFFFFFF), ErrorKind::Corrupt, 16);
  check_damaged(20, le32(0xFFFFFFFF), ErrorKind::Corrupt, 16);
  const Bytes whole = Sample().btf.bytes();
  const std::uint64_t strings = kHeader + Sample().btf.types_bytes();
  check_damaged(20, le32(0), ErrorKind::Corrupt, strings);
  check_damaged(whole.size() - 1, std::byte{'x'}, ErrorKind::Corrupt, strings);
}

TEST_CASE("A longer header than today's is passed over") {
  Bytes longer = Sample().btf.bytes();
  put(longer, 4, le32(32));
  longer.insert(longer.begin() + kHeader, 8, std::byte{0});
  REQUIRE(must(must(Types::parse(longer)).member("outer", "part.high")).offset() == 20);
}

TEST_CASE("A type that does not fit is refused, with its place") {
  check_damaged(kHeader, le32(0xFFFFFF), ErrorKind::Corrupt, kHeader);                       // name
  check_damaged(kHeader + 4, le32(0), ErrorKind::Corrupt, kHeader + 4);                      // kind 0
  check_damaged(kHeader + 4, le32(20 << 24), ErrorKind::Unsupported, kHeader + 4);           // newer
  check_damaged(kHeader + 4, le32(4 << 24 | 0xFFFFFF), ErrorKind::Truncated, kHeader + 12);  // members
  Bytes cut = Sample().btf.bytes();
  put(cut, 12, le32(6));  // bytes of types
  REQUIRE(error_of(cut).kind == ErrorKind::Truncated);
}

TEST_CASE("References that lead nowhere or in a circle end in an error") {
  Btf btf;
  const auto circle = btf.simple(TypeKind::Typedef, "circle", 1);
  const auto nowhere = btf.simple(TypeKind::Const, "", 999);
  const auto array = btf.array(4, 2);  // an array of a const of itself
  btf.simple(TypeKind::Const, "", array);
  btf.structure("holder", 8, {{"", 6, 0}});
  btf.structure("", 8, {{"", 6, 0}});  // inside itself
  btf.structure("lost", 8, {{"", 999, 0}});
  const Types types = must(Types::parse(btf.bytes()));
  REQUIRE(types.size_bytes(circle).error().kind == ErrorKind::Corrupt);
  REQUIRE(types.size_bytes(nowhere).error().kind == ErrorKind::Corrupt);
  REQUIRE(types.size_bytes(array).error().kind == ErrorKind::Corrupt);
  REQUIRE(types.member("holder", "x").error().kind == ErrorKind::Corrupt);
  REQUIRE(types.member("lost", "x").error().kind == ErrorKind::Corrupt);
  REQUIRE(!has_member(types, "lost", "x"));
}

TEST_CASE("Unnamed structures that multiply are given up") {
  Btf btf;
  constexpr unsigned kLevels = 20;  // two in each: a million
  for (unsigned level = 0; level < kLevels; ++level)
    btf.structure(level == 0 ? "top" : "", 8, {{"", level + 2, 0}, {"", level + 2, 0}});
  btf.structure("", 8, {});
  const Types types = must(Types::parse(btf.bytes()));
  REQUIRE(types.member("top", "x").error().kind == ErrorKind::Limit);
}

TEST_CASE("An array of too many arrays has no size") {
  Btf btf;
  const auto number = btf.integer("u64", 8);
  auto array = btf.array(number, 0xFFFFFFFF);
  array = btf.array(array, 0xFFFFFFFF);
  REQUIRE(must(Types::parse(btf.bytes())).size_bytes(array).error().kind == ErrorKind::Corrupt);
  array = btf.array(array, 0xFFFFFFFF);
  REQUIRE(must(Types::parse(btf.bytes())).size_bytes(array).error().kind == ErrorKind::Corrupt);
}

TEST_CASE("More bytes or types than there can be are refused") {
  REQUIRE(error_of(Bytes(kMaxBtfBytes + 1)).kind == ErrorKind::Limit);
  Btf btf;
  for (std::uint32_t i = 0; i <= kMaxTypes; ++i) btf.pointer(1);
  REQUIRE(error_of(btf.bytes()).kind == ErrorKind::Limit);
}

TEST_CASE("A kernel's BTF is read between its two symbols, and its errors name addresses") {
  constexpr Address kStart = SymbolTables::kBase + 0x400000;
  const Bytes content = Sample().btf.bytes();
  const auto read = [&](Address start, Address stop, const Bytes& bytes) {
    KernelMemory image;
    SymbolTables tables;
    tables.symbols = {{"D__start_BTF", start}, {"D__stop_BTF", stop}};
    tables.build();
    tables.place(image);
    image.write(kStart, bytes);
    const AddressSpace space = must(AddressSpace::open(image));
    return Types::read(space, must(Symbols::read(space)));
  };
  REQUIRE(must(read(kStart, kStart + content.size(), content)).count() == Sample().btf.count());
  REQUIRE(read(kStart, kStart, content).error().where == "__stop_BTF");
  REQUIRE(read(kStart, kStart + kMaxBtfBytes + 1, content).error().where == "__stop_BTF");
  Bytes damaged = content;
  put(damaged, 8, le32(0xFFFFFFFF));
  const auto broken = read(kStart, kStart + damaged.size(), damaged);
  REQUIRE(!broken);
  REQUIRE(broken.error().where == "kernel address 0xffffffff81400008: BTF: types");
  REQUIRE(!broken.error().offset);
}

TEST_CASE("A kernel without BTF is not found") {
  KernelMemory image;
  SymbolTables tables;
  tables.symbols = {{"T_stext", SymbolTables::kBase}};
  tables.build();
  tables.place(image);
  const auto kernel = Kernel::open(image);
  REQUIRE(!kernel);
  REQUIRE(kernel.error().kind == ErrorKind::NotFound);
  REQUIRE(kernel.error().file == "memory");
}
