// Puts the saver, with all that it needs, into the machine's crash region.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/jump/boot/preload.h"
#include "lib/jump/module/device.h"
#include "lib/os/machine.h"

namespace hib::jump {

struct SaverOptions {
  PreloadOptions preload;
  JumpId id{};
  std::vector<MemoryMapEntry> firmware_map;
};

struct LoadedSaver {
  std::string kernel;
  std::string release;  // of the saver
  MemoryRange region;
  std::uint64_t initramfs_bytes = 0;
  std::vector<std::string> modules;
  std::string command_line;
};

// Loads, reads back what was loaded, and arms. A saver that was loaded before is removed. Whether the machine
// may be armed at all was checked before (lib/jump/check).
Result<LoadedSaver> load_saver(const Device& device, const SaverOptions& options);

}  // namespace hib::jump
