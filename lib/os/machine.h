// The running machine, as far as it decides whether a hibernation image would be accepted; or a captured one,
// whose /proc, /sys and /lib lie below a folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/os/firmware_map.h"

namespace hib {

struct Machine {
  std::string release;                              // uname -r
  std::string version;                              // uname -v
  std::string arch;                                 // uname -m
  std::optional<std::uint64_t> present_pages;       // get_num_physpages()
  std::vector<MemoryMapEntry> memory_map;           // empty where the kernel does not show it
  std::optional<std::uint32_t> hardware_signature;  // ACPI FACS; readable by root only
  std::optional<bool> can_hibernate;                // /sys/power/state has "disk"
  bool knows_modules = true;                        // false: no list of its kernel's modules is there
  std::vector<std::string> compressors;  // lzo, lz4: loaded, built in, or a module that can be loaded

  // "6.12.3" → 6012: for comparing releases. 0 when it does not begin with numbers.
  unsigned release_number() const;
};

// Fails unless `root` is a folder with the proc or the sys of a machine: of any other folder all would be
// missing, and nothing would speak against it.
Result<void> check_machine_root(const std::string& root);
// The same of a system that may not be running: its etc, usr, lib or boot will do.
Result<void> check_system_root(const std::string& root);

// What cannot be read is missing in the result. `root` is "" for this machine.
Machine read_machine(const std::string& root);

}  // namespace hib
