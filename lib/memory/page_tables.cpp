#include "lib/memory/page_tables.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::memory {
namespace {

constexpr std::uint64_t kLargePage = 0x80;  // PS: the entry is a page, not a table
constexpr unsigned kPageBits = 12;

struct Scheme {
  unsigned levels;
  unsigned index_bits;  // of an address, for each level
  unsigned entry_bytes;
  unsigned large_levels;  // the highest level whose entries may be pages
  unsigned used_bits;     // of an address
  std::uint64_t address_bits;
  std::uint64_t top_bits;  // of cr3
};

Scheme scheme_of(Paging paging) {
  switch (paging) {
    case Paging::Levels4: return {4, 9, 8, 3, 48, kAddressBits, kAddressBits};
    case Paging::Levels5: return {5, 9, 8, 3, 57, kAddressBits, kAddressBits};
    case Paging::Pae: return {3, 9, 8, 2, 32, kAddressBits, 0xFFFFFFE0};
    case Paging::Plain32: return {2, 10, 4, 2, 32, 0xFFFFF000, 0xFFFFF000};
  }
  return {};
}

// 64-bit addresses are extended by their sign, 32-bit ones by zeros.
bool is_canonical(const Scheme& scheme, Address address) {
  const unsigned unused_bits = 64 - scheme.used_bits;
  if (unused_bits >= 32) return address >> scheme.used_bits == 0;
  const auto extended = static_cast<std::int64_t>(address << unused_bits) >> unused_bits;
  return static_cast<std::uint64_t>(extended) == address;
}

Error not_canonical(const Scheme& scheme, Address address) {
  return make_error(
      ErrorKind::NoPage, fmt::format("kernel address {}", hex(address)), "not canonical",
      fmt::format("{} bits{}", scheme.used_bits, scheme.used_bits == 32 ? "" : ", extended by their sign"));
}

unsigned shift_of(const Scheme& scheme, unsigned level) {
  return kPageBits + scheme.index_bits * (level - 1);
}

Result<std::uint64_t> entry_of(const PhysicalMemory& memory, const Scheme& scheme, std::uint64_t table,
                               unsigned level, Address address) {
  const std::uint64_t index = address >> shift_of(scheme, level) & ((1U << scheme.index_bits) - 1);
  le64 entry{};
  auto read =
      memory.read(table + index * scheme.entry_bytes, MutableBytes(entry.raw).first(scheme.entry_bytes));
  if (!read)
    return fail(
        std::move(read).error().in(fmt::format("kernel address {}: table of level {}", hex(address), level)));
  return std::uint64_t{entry};
}

std::uint64_t top_table(const Scheme& scheme, const PageTables& tables) {
  return tables.top & scheme.top_bits & ~tables.encryption;
}

}  // namespace

unsigned levels_of(Paging paging) { return scheme_of(paging).levels; }

Result<std::uint64_t> top_entry(const PhysicalMemory& memory, const PageTables& tables, Address address) {
  const Scheme scheme = scheme_of(tables.paging);
  return entry_of(memory, scheme, top_table(scheme, tables), scheme.levels, address);
}

Result<std::uint64_t> translate(const PhysicalMemory& memory, const PageTables& tables, Address address) {
  const Scheme scheme = scheme_of(tables.paging);
  if (!is_canonical(scheme, address)) return fail(not_canonical(scheme, address));
  const std::uint64_t address_bits = scheme.address_bits & ~tables.encryption;
  std::uint64_t table = top_table(scheme, tables);
  for (unsigned level = scheme.levels;; --level) {
    TRY(const std::uint64_t entry, entry_of(memory, scheme, table, level, address));
    if ((entry & kPresent) == 0)
      return fail(make_error(ErrorKind::NoPage, fmt::format("kernel address {}", hex(address)),
                             fmt::format("not mapped, by the table of level {}", level),
                             "an address that is mapped"));
    const std::uint64_t inside = (std::uint64_t{1} << shift_of(scheme, level)) - 1;
    const bool is_page = level == 1 || (level <= scheme.large_levels && (entry & kLargePage) != 0);
    if (is_page) return (entry & address_bits & ~inside) | (address & inside);
    table = entry & address_bits;
  }
}

}  // namespace hib::memory
