// The machine's memory, in the saver itself or staged in the restorer. A window maps one large piece of it at
// a time, and moves on as its user writes further.
#pragma once

#include <utility>
#include <vector>

#include "lib/jump/module/device.h"

namespace hib::jump {

class MemoryWindow {
 public:
  // `ranges`: what of the memory may be written. `device` must outlive the window.
  MemoryWindow(const Device& device, std::vector<MemoryRange> ranges)
      : device_(&device), ranges_(std::move(ranges)) {}

  // Fails where a part of the bytes is not the machine's memory. Bytes that were written before that stay.
  Result<void> write(std::uint64_t address, ByteView bytes);
  Result<void> fill(std::uint64_t address, std::byte value, std::uint64_t bytes);

 private:
  Result<MutableBytes> at(std::uint64_t address, std::uint64_t most);

  const Device* device_;
  std::vector<MemoryRange> ranges_;
  MemoryRange mapped_;
  Mapping mapping_;
};

}  // namespace hib::jump
