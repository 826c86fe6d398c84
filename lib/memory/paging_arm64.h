// How arm64 reads the page tables of ttbr1_el1, which has the kernel's half of all addresses (Arm ARM, D8:
// "The AArch64 Virtual Memory System Architecture").
#pragma once

#include <vector>

#include "lib/memory/page_tables.h"

namespace hib::memory::arm64 {

// By pages of `page_bytes` (4, 16 or 64 KiB) and addresses of `used_bits`. `is_wide`: LPA2, which finds place
// for two more bits of an address in an entry; of pages of 64 KiB the entries always have it.
Paging paging(std::uint64_t page_bytes, unsigned used_bits, bool is_wide);

// All that Linux can be built with for pages of that size (CONFIG_ARM64_VA_BITS); empty for other sizes.
std::vector<Paging> pagings(std::uint64_t page_bytes);

}  // namespace hib::memory::arm64
