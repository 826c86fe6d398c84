// Arming: B with all that it needs into A's crash region.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/jump/device.h"
#include "lib/jump/preload.h"
#include "lib/os/machine.h"

namespace hib::jump {

struct ArmOptions {
  PreloadOptions preload;
  JumpId id{};
  std::vector<MemoryMapEntry> firmware_map;
};

struct ArmReport {
  std::string kernel;
  std::string release;  // of B
  MemoryRange region;
  std::uint64_t initramfs_bytes = 0;
  std::vector<std::string> modules;
  std::string command_line;
};

// Loads, reads back what was loaded, and arms. What was armed before is disarmed.
Result<ArmReport> arm(const Device& device, const ArmOptions& options);

}  // namespace hib::jump
