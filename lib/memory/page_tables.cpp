#include "lib/memory/page_tables.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::memory {
namespace {

bool is_canonical(const Paging& paging, Address address) {
  const unsigned unused_bits = 64 - paging.used_bits;
  const auto sign_extended = static_cast<std::int64_t>(address << unused_bits) >> unused_bits;
  switch (paging.high_bits) {
    case HighBits::Sign: return static_cast<std::uint64_t>(sign_extended) == address;
    case HighBits::Zeros: return address >> paging.used_bits == 0;
    case HighBits::Ones: return ~address >> paging.used_bits == 0;
  }
  return false;
}

Error not_canonical(const Paging& paging, Address address) {
  const char* rule = paging.high_bits == HighBits::Sign   ? ", extended by their sign"
                     : paging.high_bits == HighBits::Ones ? ", and ones above them"
                                                          : "";
  return make_error(ErrorKind::NoPage, fmt::format("kernel address {}", hex(address)), "not canonical",
                    fmt::format("{} bits{}", paging.used_bits, rule));
}

Error not_mapped(Address address, unsigned level) {
  return make_error(ErrorKind::NoPage, fmt::format("kernel address {}", hex(address)),
                    fmt::format("not mapped, by the table of level {}", level), "an address that is mapped");
}

unsigned shift_of(const Paging& paging, unsigned level) {
  return paging.page_bits + paging.index_bits * (level - 1);
}

Result<std::uint64_t> entry_of(const PhysicalMemory& memory, const Paging& paging, std::uint64_t table,
                               unsigned level, Address address) {
  // Of the top level only the bits that are used: arm64's are followed by ones.
  const unsigned shift = shift_of(paging, level);
  const unsigned bits = std::min(paging.index_bits, paging.used_bits - shift);
  const std::uint64_t index = address >> shift & ((1U << bits) - 1);
  le64 entry{};
  auto read =
      memory.read(table + index * paging.entry_bytes, MutableBytes(entry.raw).first(paging.entry_bytes));
  if (!read)
    return fail(
        std::move(read).error().in(fmt::format("kernel address {}: table of level {}", hex(address), level)));
  return std::uint64_t{entry};
}

std::uint64_t top_table(const PageTables& tables) {
  return tables.top & tables.paging.top_bits & ~tables.encryption;
}

std::uint64_t address_in(const PageTables& tables, std::uint64_t entry) {
  const Paging& paging = tables.paging;
  return (entry & paging.address_bits & ~tables.encryption) | (entry & paging.moved_bits) << paging.moved_by;
}

}  // namespace

Result<std::uint64_t> top_entry(const PhysicalMemory& memory, const PageTables& tables, Address address) {
  return entry_of(memory, tables.paging, top_table(tables), tables.paging.levels, address);
}

Result<std::uint64_t> translate(const PhysicalMemory& memory, const PageTables& tables, Address address) {
  const Paging& paging = tables.paging;
  if (!is_canonical(paging, address)) return fail(not_canonical(paging, address));
  std::uint64_t table = top_table(tables);
  for (unsigned level = paging.levels;; --level) {
    TRY(const std::uint64_t entry, entry_of(memory, paging, table, level, address));
    if ((entry & kPresent) == 0) return fail(not_mapped(address, level));
    if (level == 1 && (entry & paging.last_bits) != paging.last_bits) return fail(not_mapped(address, level));
    const std::uint64_t inside = (std::uint64_t{1} << shift_of(paging, level)) - 1;
    const bool is_large = level <= paging.large_levels && (entry & paging.page_mask) == paging.page_value;
    if (level == 1 || is_large) return (address_in(tables, entry) & ~inside) | (address & inside);
    table = address_in(tables, entry);
  }
}

}  // namespace hib::memory
