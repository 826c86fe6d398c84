// The kernel's list of symbols, made by hand in each of its forms, and damaged.
#include "lib/memory/symbols.h"

#include "tests/support/images.h"
#include "tests/support/kernel_memory.h"

using namespace hib;
using namespace hib::memory;
using namespace hib::test;

namespace {

constexpr Address kBase = SymbolTables::kBase;
const std::string kLongName(200, 'l');

// More than one marker's worth.
SymbolTables tables(SymbolOffsets rule = SymbolOffsets::PerCpu) {
  SymbolTables made;
  made.rule = rule;
  if (rule == SymbolOffsets::PerCpu) made.symbols.emplace_back("Acurrent_task", 0x15D00);
  made.symbols.emplace_back("T_stext", kBase);
  for (int i = 0; i < 600; ++i)
    made.symbols.emplace_back("tfunction" + std::to_string(i), kBase + 0x100 + 16u * i);
  made.symbols.emplace_back("bswap_info", kBase + 0x800010);
  made.symbols.emplace_back("t" + kLongName, kBase + 0x800020);
  made.symbols.emplace_back("ttwice", kBase + 0x800030);
  made.symbols.emplace_back("ttwice", kBase + 0x800040);
  made.symbols.emplace_back("tsame", kBase + 0x800050);
  made.symbols.emplace_back("Tsame", kBase + 0x800050);
  made.build();
  return made;
}

Result<Symbols> read(const SymbolTables& made) {
  KernelMemory image;
  made.place(image);
  const AddressSpace space = must(AddressSpace::open(image));
  return Symbols::read(space);
}

void check_corrupt(const SymbolTables& made, const std::string& where) {
  const auto symbols = read(made);
  REQUIRE(!symbols);
  REQUIRE(symbols.error().kind == ErrorKind::Corrupt);
  REQUIRE(symbols.error().where == "kallsyms: " + where);
}

// A change to the memory that tables lie in, and the error.
template <typename Change>
Error error_after(Change change) {
  KernelMemory image;
  tables().place(image);
  change(image);
  const AddressSpace space = must(AddressSpace::open(image));
  const auto symbols = Symbols::read(space);
  REQUIRE(!symbols);
  return symbols.error();
}

}  // namespace

TEST_CASE("A symbol's address comes out of each form of the tables") {
  for (const SymbolOffsets rule :
       {SymbolOffsets::PerCpu, SymbolOffsets::FromBase, SymbolOffsets::FromItself}) {
    for (const bool wide : {false, true}) {
      SymbolTables made = tables(rule);
      made.wide_markers = wide;
      made.build();
      const Symbols symbols = must(read(made));
      REQUIRE(symbols.offsets() == rule);
      REQUIRE(symbols.count() == made.symbols.size());
      REQUIRE(must(symbols.address_of("_stext")) == kBase);
      REQUIRE(must(symbols.address_of("function599")) == kBase + 0x100 + 16 * 599);
      REQUIRE(must(symbols.address_of("swap_info")) == kBase + 0x800010);
      REQUIRE(must(symbols.address_of(kLongName)) == kBase + 0x800020);
    }
  }
}

TEST_CASE("Lengths of one byte, as before Linux 6.1, are told from those of two") {
  SymbolTables made = tables();
  made.long_names = false;
  made.build();
  REQUIRE(must(must(read(made)).address_of(kLongName)) == kBase + 0x800020);
}

TEST_CASE("A per-CPU symbol up to Linux 6.14 is its offset") {
  REQUIRE(must(must(read(tables())).address_of("current_task")) == 0x15D00);
}

TEST_CASE("A name that is not there is not found, one of two symbols is refused, one said twice is not") {
  const Symbols symbols = must(read(tables()));
  REQUIRE(symbols.address_of("swap_inf").error().kind == ErrorKind::NotFound);
  REQUIRE(symbols.address_of("swap_info2").error().kind == ErrorKind::NotFound);
  REQUIRE(symbols.address_of("").error().kind == ErrorKind::NotFound);
  REQUIRE(symbols.address_of("twice").error().kind == ErrorKind::Corrupt);
  REQUIRE(must(symbols.address_of("same")) == kBase + 0x800050);
}

TEST_CASE("Without VMCOREINFO's addresses of the tables nothing is found") {
  for (const char* name : {"kallsyms_names", "kallsyms_num_syms", "kallsyms_token_table",
                           "kallsyms_token_index", "kallsyms_offsets"}) {
    const Error error = error_after([&](KernelMemory& image) {
      image.set_vmcoreinfo(std::string("SYMBOL(") + name + ")", std::nullopt);
    });
    REQUIRE(error.kind == ErrorKind::NotFound);
  }
}

TEST_CASE("A number of symbols that cannot be is refused before anything is allocated") {
  for (const std::uint32_t count : {0U, kMaxSymbols + 1, 0xFFFFFFFFU}) {
    const Error error = error_after(
        [&](KernelMemory& image) { image.write(SymbolTables::kNumber, object_bytes(le32(count))); });
    REQUIRE(error.where == "kallsyms: num_syms");
    REQUIRE(error.kind == ErrorKind::Corrupt);
  }
  // More than there are bytes of names.
  const Error error = error_after(
      [&](KernelMemory& image) { image.write(SymbolTables::kNumber, object_bytes(le32(kMaxSymbols))); });
  REQUIRE(error.where == "kallsyms: num_syms");
}

TEST_CASE("Names that do not end where the markers say are refused") {
  SymbolTables made = tables();
  put(made.markers, 4, le32(0x1234));
  check_corrupt(made, "names");

  made = tables();
  made.names[0] = std::byte{0};  // an empty name
  check_corrupt(made, "names");

  made = tables();
  made.names[0] = std::byte{0x7F};  // over other names
  check_corrupt(made, "names");

  const Error fewer = error_after([&](KernelMemory& image) {
    image.write(SymbolTables::kNumber,
                object_bytes(le32(static_cast<std::uint32_t>(tables().symbols.size() - 1))));
  });
  REQUIRE(fewer.where == "kallsyms: names");
}

TEST_CASE("Tokens and their index prove each other") {
  SymbolTables made = tables();
  put(made.token_index, 20, le16(999));
  check_corrupt(made, "token_index 10");

  made = tables();
  std::fill(made.tokens.begin() + 4, made.tokens.end(), std::byte{'x'});
  check_corrupt(made, "token 1");
}

TEST_CASE("Tables in an impossible order are refused") {
  const Error index = error_after(
      [](KernelMemory& image) { image.set_symbol("kallsyms_token_index", SymbolTables::kNames); });
  REQUIRE(index.where == "kallsyms: token_index");
  const Error tokens = error_after(
      [](KernelMemory& image) { image.set_symbol("kallsyms_names", SymbolTables::kNumber + 0x10000000); });
  REQUIRE(tokens.where == "kallsyms: token_table");
  const Error far = error_after([](KernelMemory& image) {
    image.set_symbol("kallsyms_names", SymbolTables::kNumber - 2 * kMaxNamesBytes);
  });
  REQUIRE(far.where == "kallsyms: token_table");
}

TEST_CASE("A page of the tables that is not in the image is an error with its address") {
  for (const Address place : {SymbolTables::kNumber, SymbolTables::kNames, SymbolTables::kOffsets,
                              SymbolTables::kBasePlace, tables().tokens_address()}) {
    const Error error = error_after([&](KernelMemory& image) { image.lose(place); });
    REQUIRE(error.kind == ErrorKind::NoPage);
  }
}

TEST_CASE("VMCOREINFO and the tables have to agree about _stext") {
  const Error error = error_after([](KernelMemory& image) { image.set_symbol("_stext", kBase + 16); });
  REQUIRE(error.kind == ErrorKind::Corrupt);
  REQUIRE(error.where == "kallsyms: _stext");
}
