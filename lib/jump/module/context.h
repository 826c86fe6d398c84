// The machine's context: the page of its own memory that says how to go back into it (struct hibjump_context
// of the module's header).
#pragma once

#include <string>
#include <vector>

#include "lib/jump/module/device.h"

namespace hib::jump {

inline constexpr std::uint64_t kMaxMapIndexBytes = 4U << 20;  // of a map of pages: of nearly 64 TiB

struct Context {
  JumpId id{};
  MemoryRange region;
  std::uint64_t low_copy = 0;
  std::vector<MemoryRange> low;
  bool five_levels = false;        // of page tables
  std::uint64_t address = 0;       // physical, of the page itself
  std::uint64_t self = 0;          // virtual, of the page itself
  std::uint64_t table = 0;         // physical, of the page tables that it is entered with
  std::uint64_t entry = 0;         // virtual
  std::uint64_t suspended_ns = 0;  // CLOCK_REALTIME
  Wish wish = Wish::Rehearse;
  // Where the indices of maps of its pages lie (page_map.h).
  MemoryRange free_map;  // pages that it does not use; 0 bytes: there is none
  MemoryRange skip_map;  // pages that must not be read
  MemoryRange records;   // where the index of the machine's records lies (suspend_records.h); 0 bytes: none
};

// `page` is what lies at the physical address `address`. Checks the magic, the version, the checksum, and
// that every number is one that a jump can use; an error's offset is the physical address.
Result<Context> decode_context(ByteView page, std::uint64_t address);

}  // namespace hib::jump
