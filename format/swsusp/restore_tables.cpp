#include "format/swsusp/restore_tables.h"

#include <bit>

#include "lib/memory/paging_x86.h"

namespace hib::swsusp {
namespace {

using memory::PageTables;
using memory::Paging;
namespace x86 = memory::x86;

constexpr unsigned kLowestEncryptionBit = 32;

// The bit that SME sets in cr3 and in every entry; 0 without it. A flipped bit of cr3 is in no entry.
std::uint64_t encryption_bit(const PhysicalMemory& memory, const Paging& paging, std::uint64_t cr3,
                             memory::Address address) {
  const std::uint64_t table = cr3 & memory::kAddressBits;
  if (table >> kLowestEncryptionBit == 0) return 0;
  const std::uint64_t highest = std::bit_floor(table);
  const auto entry = memory::top_entry(memory, {paging, cr3, highest}, address);
  return entry && (*entry & memory::kPresent) != 0 && (*entry & highest) != 0 ? highest : 0;
}

}  // namespace

std::array<PageTables, 2> tables_at(const PhysicalMemory& memory, const Abi& abi, std::uint64_t cr3,
                                    memory::Address address) {
  if (abi.word_bytes == 4) return {PageTables{x86::kPae, cr3, 0}, PageTables{x86::kPlain32, cr3, 0}};
  const auto with = [&](const Paging& paging) {
    return PageTables{paging, cr3, encryption_bit(memory, paging, cr3, address)};
  };
  return {with(x86::kLevels4), with(x86::kLevels5)};
}

std::optional<PageTables> find_page_tables(const PhysicalMemory& memory, const Abi& abi,
                                           const RestoreRecord& restore) {
  for (const PageTables& tables : tables_at(memory, abi, restore.cr3, restore.jump_address)) {
    const auto physical = memory::translate(memory, tables, restore.jump_address);
    if (physical && *physical == restore.jump_address_phys) return tables;
  }
  return std::nullopt;
}

}  // namespace hib::swsusp
