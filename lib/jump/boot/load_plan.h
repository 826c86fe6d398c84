// Where everything goes when the saver is loaded into a region of memory. The machine loads it through the
// module, the restorer through kexec. Both use the same plan: the way out has then tried what the way back
// needs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/jump/boot/bzimage.h"
#include "lib/jump/module/device.h"
#include "lib/os/machine.h"

namespace hib::jump {

struct LoadRequest {
  MemoryRange region;                        // the machine's crash region
  std::vector<MemoryMapEntry> firmware_map;  // of the machine
  std::vector<MemoryRange> ram;              // what the machine uses as RAM; the region may be part of it
  std::vector<MemoryRange> notes;  // in the machine's memory: ELF notes for the saver's /proc/vmcore
  std::string command_line;        // of the saver; plan_load() appends its own options
  std::uint64_t acpi_rsdp = 0;     // 0: the saver finds it as a BIOS machine does
};

struct Segment {
  std::uint64_t address = 0;
  ByteView bytes;
  std::uint64_t memory_bytes = 0;                       // at least the bytes; the rest is zero
  std::shared_ptr<const std::vector<std::byte>> owner;  // of the bytes
};

struct LoadPlan {
  std::vector<Segment> segments;  // ascending, not overlapping, inside the region
  std::uint64_t entry = 0;        // 64-bit entry of the kernel, with boot_params in RSI
  std::uint64_t boot_params = 0;
  std::uint64_t stub = 0;  // an entry that sets RSI by itself, for kexec
  std::uint64_t low_copy = 0;
  std::uint64_t standby_low_copy = 0;
  // The machine's RAM below 640 KiB. While the saver runs there, low_copy has the machine's bytes; while the
  // saver stands by, standby_low_copy has the saver's.
  std::vector<MemoryRange> low;
};

// Where the saver finds the machine's memory, by the saver's addresses: all of `ram` but the region, and the
// copy of what lies below 640 KiB. The saver's own kernel knows it as soft reserved. Ascending.
std::vector<MemoryRange> memory_of_machine(const std::vector<MemoryRange>& ram, const MemoryRange& region);

// Takes the initramfs as a value: it is the largest segment.
Result<LoadPlan> plan_load(const LoadRequest& request, const BzImage& kernel,
                           std::vector<std::byte> initramfs);

}  // namespace hib::jump
