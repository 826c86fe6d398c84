// From the kernel's own addresses to physical ones, through page tables in an image. How a processor reads
// them is data: lib/memory/paging_x86.h, lib/memory/paging_arm64.h.
#pragma once

#include <cstdint>

#include "lib/base/error.h"
#include "lib/image/physical_memory.h"

namespace hib::memory {

// A virtual address of the kernel.
using Address = std::uint64_t;

constexpr std::uint64_t kPageBytes = 4096;  // the smallest page of any processor

constexpr std::uint64_t kPresent = 1;  // bit of an entry, on all processors that are read here

// What the bits of an address above the tables' must be.
enum class HighBits { Sign, Zeros, Ones };

struct Paging {
  unsigned levels = 0;
  unsigned page_bits = 12;  // of an address, inside a page
  unsigned index_bits = 9;  // of an address, for each level
  unsigned entry_bytes = 8;
  unsigned large_levels = 1;  // the highest level whose entries may be pages
  unsigned used_bits = 0;     // of an address
  HighBits high_bits = HighBits::Sign;
  std::uint64_t address_bits = 0;      // of an entry
  std::uint64_t top_bits = 0;          // of what names the top table
  std::uint64_t last_bits = kPresent;  // that an entry of level 1 has
  // An entry of a higher level is a page, not a table, where it has `page_value` under `page_mask`.
  std::uint64_t page_mask = 0;
  std::uint64_t page_value = 0;
  // Bits of an entry that belong higher up in the address.
  std::uint64_t moved_bits = 0;
  unsigned moved_by = 0;

  friend bool operator==(const Paging&, const Paging&) = default;
};

struct PageTables {
  Paging paging;
  std::uint64_t top = 0;  // physical address of the table of the highest level, as the processor has it
  std::uint64_t encryption = 0;  // bit of an entry that is no address: the page is encrypted (AMD's SME)
};

// The entry of the top table that `address` goes through.
Result<std::uint64_t> top_entry(const PhysicalMemory& memory, const PageTables& tables, Address address);

// NoPage, with the address, where nothing is mapped or the image does not hold the table; Corrupt where a
// table leads out of memory.
Result<std::uint64_t> translate(const PhysicalMemory& memory, const PageTables& tables, Address address);

}  // namespace hib::memory
