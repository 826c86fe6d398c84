// A's memory, in B or staged in C: large pieces of it are mapped one after the other, as whoever writes it
// goes through it.
#pragma once

#include <string_view>
#include <vector>

#include "lib/jump/module/device.h"

namespace hib::jump {

class MemoryWindow {
 public:
  // Of the memory that /proc/iomem calls `kind`: kMachineMemory in B, kSystemRam in C. `device` is kept.
  static Result<MemoryWindow> open(const Device& device, std::string_view kind);

  // Writes `bytes` there. An error where a part of them is not A's memory; what was written before that
  // stays.
  Result<void> write(std::uint64_t address, ByteView bytes);
  Result<void> fill(std::uint64_t address, std::byte value, std::uint64_t bytes);

 private:
  MemoryWindow(const Device& device, std::vector<MemoryRange> ranges)
      : device_(&device), ranges_(std::move(ranges)) {}
  Result<MutableBytes> at(std::uint64_t address, std::uint64_t most);

  const Device* device_;
  std::vector<MemoryRange> ranges_;  // ascending
  MemoryRange mapped_;
  Mapping mapping_;
};

}  // namespace hib::jump
