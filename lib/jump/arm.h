// Arming: B with all that it needs into A's crash region.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/jump/device.h"
#include "lib/jump/kernel_modules.h"

namespace hib::jump {

struct ArmOptions {
  std::string kernel;    // vmlinuz; "" is /boot/vmlinuz-RELEASE of the running kernel
  std::string modules;   // folder of its modules; "" is /lib/modules/RELEASE
  std::string jump_module;  // hibjump.ko; "" is looked for among the modules
  std::string append;    // to B's command line
  std::string config;    // JSON for B's init, its file /jump.json
  std::vector<std::string> drivers;  // names of modules that B has to load
  JumpId id{};
};

struct ArmReport {
  std::string kernel;
  std::string release;  // of B
  MemoryRange region;
  std::uint64_t initramfs_bytes = 0;
  std::vector<std::string> modules;
  std::string command_line;
};

Result<JumpId> new_jump_id();

// Loads, reads back what was loaded, and arms. What was armed before is disarmed.
Result<ArmReport> arm(const Device& device, const ArmOptions& options);

inline constexpr const char* kConfigPath = "jump.json";   // in B's initramfs
inline constexpr const char* kModuleFolder = "modules";   // files in the order of their names

}  // namespace hib::jump
