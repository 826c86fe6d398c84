// Where everything goes when B is loaded into a region of memory: in A through the module, in C through
// kexec. The same plan for both, so that what was tried on the way out is what is used on the way back.
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
  MemoryRange region;                        // A's crash region
  std::vector<MemoryMapEntry> firmware_map;  // of the machine
  std::vector<MemoryRange> ram;              // what A uses as RAM; the region may be part of it
  std::vector<MemoryRange> notes;            // in A's memory: ELF notes for B's /proc/vmcore
  std::string command_line;                  // of B; what the plan itself has to say is added
  std::uint64_t acpi_rsdp = 0;               // 0: B finds it as a BIOS machine does
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
  std::vector<MemoryRange> low;  // A's RAM below 640 KiB, which B uses while A's bytes are in low_copy, B's
                                 // own while it stands by in the other
};

// Takes the initramfs as a value: it is the largest segment.
Result<LoadPlan> plan_load(const LoadRequest& request, const BzImage& kernel,
                           std::vector<std::byte> initramfs);

}  // namespace hib::jump
