// What the saver is made of: a kernel, an initramfs with this program as its only process, and a command
// line. The same on the way out, where arm loads it, and on the way back, where kexec does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/jump/boot/bzimage.h"
#include "lib/jump/boot/kernel_modules.h"

namespace hib::jump {

struct PreloadOptions {
  std::string kernel;                // vmlinuz; "" is that of the running kernel
  std::string modules;               // folder of its modules; "" is that of its release
  std::string jump_module;           // hibjump.ko; "" is looked for among the modules
  std::string append;                // to the command line
  std::vector<std::byte> config;     // for the saver, its file kConfigPath (saver_config.h)
  std::vector<std::string> drivers;  // names of modules that it has to load
  UnpackProgress progress;           // of each long step; one thread at a time
};

struct Preload {
  BzImage kernel;
  std::vector<std::byte> initramfs;
  std::vector<std::string> modules;  // in the initramfs, in the order of loading
  std::string command_line;
  std::uint64_t acpi_rsdp = 0;  // 0: found as a BIOS machine finds it
};

Result<Preload> prepare_preload(const PreloadOptions& options);

inline constexpr const char* kConfigPath = "saver.config";             // in the initramfs
inline constexpr const char* kWatchdogModule = "softdog";              // drives saver/watchdog.h
inline constexpr const char* kSoftwareWatchdog = "Software Watchdog";  // what that calls itself
inline constexpr const char* kModuleFolder =
    "modules";  // in the initramfs; files in the order of their names

}  // namespace hib::jump
