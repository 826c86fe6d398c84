// The page tables that the restore record names: x86's by cr3, arm64's by ttbr1_el1. It does not say how to
// read them. Of x86 the right way is the one by which jump_address leads to jump_address_phys; of arm64 the
// one by which reenter_kernel leads to its code, and the tables to themselves.
#pragma once

#include <array>
#include <optional>

#include "format/swsusp/info_page.h"
#include "lib/image/physical_memory.h"
#include "lib/memory/page_tables.h"

namespace hib::swsusp {

// The ways in which the processor may have read the tables at `cr3`: with 4 or 5 levels, and in 32-bit
// kernels with or without PAE. Whether entries say that memory is encrypted is told by the one that `address`
// goes through.
std::array<memory::PageTables, 2> tables_at(const PhysicalMemory& memory, const Abi& abi, std::uint64_t cr3,
                                            memory::Address address);

// Of arm64: the tables, and virtual minus physical of the kernel's image, which they prove.
struct Arm64Tables {
  memory::PageTables tables;
  std::uint64_t image_offset = 0;
};
std::optional<Arm64Tables> find_arm64_tables(const PhysicalMemory& memory, const Abi& abi,
                                             const Arm64Record& record);

// Nothing when the tables are not in the image, or the record is damaged.
std::optional<memory::PageTables> find_page_tables(const PhysicalMemory& memory, const Abi& abi,
                                                   const RestoreRecord& restore);

}  // namespace hib::swsusp
