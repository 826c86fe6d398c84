// How x86 reads its page tables (Intel SDM volume 3A, 4.3 to 4.5).
#pragma once

#include "lib/memory/page_tables.h"

namespace hib::memory {

constexpr Address kKernelMap = 0xFFFFFFFF80000000;  // __START_KERNEL_map of x86-64

// Bits of an entry, and of cr3, that are an address on x86-64: 12 to 51.
constexpr std::uint64_t kAddressBits = 0x000FFFFFFFFFF000;
constexpr std::uint64_t kLargePageBit = 0x80;  // PS: the entry is a page, not a table

namespace x86 {

constexpr Paging paging(unsigned levels, unsigned index_bits, unsigned entry_bytes, unsigned large_levels,
                        unsigned used_bits, std::uint64_t address_bits, std::uint64_t top_bits) {
  Paging p;
  p.levels = levels;
  p.index_bits = index_bits;
  p.entry_bytes = entry_bytes;
  p.large_levels = large_levels;
  p.used_bits = used_bits;
  p.high_bits = used_bits == 32 ? HighBits::Zeros : HighBits::Sign;
  p.address_bits = address_bits;
  p.top_bits = top_bits;
  p.page_mask = p.page_value = kLargePageBit;
  return p;
}

inline constexpr Paging kLevels4 = paging(4, 9, 8, 3, 48, kAddressBits, kAddressBits);
inline constexpr Paging kLevels5 = paging(5, 9, 8, 3, 57, kAddressBits, kAddressBits);  // LA57
inline constexpr Paging kPae = paging(3, 9, 8, 2, 32, kAddressBits, 0xFFFFFFE0);        // 32-bit kernels
inline constexpr Paging kPlain32 = paging(2, 10, 4, 2, 32, 0xFFFFF000, 0xFFFFF000);     // without PAE

}  // namespace x86
}  // namespace hib::memory
