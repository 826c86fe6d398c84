// What must hold before the memory of a machine is put back: a mounted file system on the wrong disk is ruined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/device/device.h"
#include "lib/device/match.h"

namespace hib::device {

// Why a device of the image is critical: what lies on it, or on what is made of it.
struct Use {
  std::string what;   // "ext4 mounted at /home", "swap", "the image"
  bool writable = true;
};

// For each device of the set the uses that make it critical; none for most. A file system that is mounted, swap in use, a
// member of dm or md in use, and every device below those down to the controller.
std::vector<std::vector<Use>> critical_uses(const DeviceSet& set);

struct Refusal {
  std::size_t device = 0;   // index into the saved set
  std::string name;         // "sda"
  std::string uses;         // "ext4 mounted at /home, swap"
  std::string expected;     // keys, as people read them
  std::string found;
  std::string override_token;  // what --accept takes: "sda=replaced"
};

// `accepted`: overrides, as override_token spells them. `snapshot_ns` is CLOCK_REALTIME when the devices were suspended.
std::vector<Refusal> check(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison, std::uint64_t snapshot_ns, const std::vector<std::string>& accepted);

}  // namespace hib::device
