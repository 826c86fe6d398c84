// From the kernel's own addresses to physical ones, through the page tables of x86 in an image (Intel SDM
// volume 3A, 4.3 to 4.5).
#pragma once

#include <cstdint>

#include "lib/base/error.h"
#include "lib/image/physical_memory.h"

namespace hib::memory {

// A virtual address of the kernel.
using Address = std::uint64_t;

constexpr Address kKernelMap = 0xFFFFFFFF80000000;  // __START_KERNEL_map of x86-64
constexpr std::uint64_t kPageBytes = 4096;

enum class Paging {
  Levels4,  // x86-64
  Levels5,  // x86-64 with LA57
  Pae,      // 32-bit with entries of 8 bytes
  Plain32,  // 32-bit with entries of 4 bytes
};

struct PageTables {
  Paging paging = Paging::Levels4;
  std::uint64_t top = 0;         // physical address of the table of the highest level, as cr3 has it
  std::uint64_t encryption = 0;  // bit of an entry that is no address: the page is encrypted (AMD's SME)
};

// Bits of an entry, and of cr3, that are an address on x86-64: 12 to 51.
constexpr std::uint64_t kAddressBits = 0x000FFFFFFFFFF000;
constexpr std::uint64_t kPresent = 1;  // bit of an entry

unsigned levels_of(Paging paging);

// The entry of the top table that `address` goes through.
Result<std::uint64_t> top_entry(const PhysicalMemory& memory, const PageTables& tables, Address address);

// NoPage, with the address, where nothing is mapped or the image does not hold the table; Corrupt where a
// table leads out of memory.
Result<std::uint64_t> translate(const PhysicalMemory& memory, const PageTables& tables, Address address);

}  // namespace hib::memory
