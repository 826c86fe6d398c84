#include "format/swsusp/restore_tables.h"

#include <bit>

#include "lib/memory/paging_arm64.h"
#include "lib/memory/paging_x86.h"

namespace hib::swsusp {
namespace {

using memory::PageTables;
using memory::Paging;
namespace x86 = memory::x86;

constexpr unsigned kLowestEncryptionBit = 32;

constexpr std::uint32_t kBtiC = 0xD503245F;
constexpr std::uint32_t kReadMpidr = 0xD53800A1;  // mrs x1, mpidr_el1
constexpr std::uint32_t kReturn = 0xD65F03C0;
constexpr std::uint32_t kNop = 0xD503201F;
constexpr std::uint64_t kCpuResumeReach = 16 * 4;  // bytes of code up to where it reads mpidr_el1

// _cpu_resume soon reads mpidr_el1. It begins with bti c, or without that, in older kernels, by reading it;
// then the end of another function is before it.
bool is_cpu_resume(const PhysicalMemory& memory, std::uint64_t physical) {
  const auto code = [&](std::uint64_t at) {
    const auto found = memory.object<le32>(at);
    return found ? std::uint32_t{*found} : 0;
  };
  const std::uint32_t before = code(physical - 4);
  if (code(physical) == kReadMpidr) return before == 0 || before == kNop || before == kReturn;
  if (code(physical) != kBtiC) return false;
  for (std::uint64_t at = physical + 4; at < physical + kCpuResumeReach; at += 4)
    if (code(at) == kReadMpidr) return true;
  return false;
}

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

std::optional<Arm64Tables> find_arm64_tables(const PhysicalMemory& memory, const Abi& abi,
                                             const Arm64Record& record) {
  for (const Paging& paging : memory::arm64::pagings(abi.page_size)) {
    const PageTables tables{paging, record.ttbr1_el1, 0};
    const auto physical = memory::translate(memory, tables, record.reenter_kernel);
    if (!physical || !is_cpu_resume(memory, *physical)) continue;
    const std::uint64_t offset = record.reenter_kernel - *physical;
    const auto top = memory::translate(memory, tables, record.ttbr1_el1 + offset);
    if (top && *top == record.ttbr1_el1) return Arm64Tables{tables, offset};
  }
  return std::nullopt;
}

std::optional<PageTables> find_page_tables(const PhysicalMemory& memory, const Abi& abi,
                                           const RestoreRecord& restore) {
  if (restore.kind == RestoreKind::Arm64) {
    const auto found = find_arm64_tables(memory, abi, restore.arm64);
    return found ? std::optional<PageTables>(found->tables) : std::nullopt;
  }
  for (const PageTables& tables : tables_at(memory, abi, restore.cr3, restore.jump_address)) {
    const auto physical = memory::translate(memory, tables, restore.jump_address);
    if (physical && *physical == restore.jump_address_phys) return tables;
  }
  return std::nullopt;
}

}  // namespace hib::swsusp
