// What must hold before the memory of a machine is put back: a mounted file system on the wrong disk is
// ruined.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/device/device.h"
#include "lib/device/match/match.h"
#include "lib/fs/written_since.h"

namespace hib::device {

// Why a device of the image is critical: what lies on it, or on what is made of it.
struct Use {
  std::string what;  // "ext4 mounted at /home", "swap", "the image"
  bool writable = true;
};

// For each device of the set the uses that make it critical; none for most. A file system that is mounted,
// swap in use, a member of dm or md in use, what has the state "image", and every device below those down to
// the controller. At most kMaxUses of one device are named.
std::vector<std::vector<Use>> critical_uses(const DeviceSet& set);

inline constexpr std::size_t kMaxUses = 16;

struct Refusal {
  std::size_t device = 0;  // index into the saved set
  std::string name;        // "sda"
  std::string uses;        // "ext4 mounted at /home, swap"
  std::string expected;    // keys, as people read them
  std::string found;
  std::string verdict;         // "replaced", "written": a Verdict's name, or what the marks say
  std::string override_token;  // what --accept takes: "sda=replaced"
  bool accepted = false;       // somebody has said so: it is no reason to stop
};

// One for each cause: what lies on a device that is not there is named among its uses. `accepted`: overrides,
// as override_token spells them; what they name is in the answer too, as accepted. Accepting a device covers
// what lies on it, but for a file system that was written since. `snapshot_ns` is CLOCK_REALTIME when the
// devices were suspended, 0 when that is not known.
//
// What is not Same refuses, but for these. Moved: nodes of FireWire and Thunderbolt, which the kernel knows
// by identity, and what moved with them; what lies on devices that are all right. Unproven, and Ambiguous
// where everything looks as it did: PCI and USB, whose children carry the proof; a disk or partition whose
// content is the same. Absent: dm, md and loop on devices that are all right; the memory has them set up. A
// path of a multipath volume that is gone, with nothing in its place, and all that only this path hangs on:
// as long as another path to the same volume is where it was.
std::vector<Refusal> check(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
                           std::uint64_t snapshot_ns, const std::vector<std::string>& accepted);

// Was the file system `saved` written since, by its marks and those of `here` (lib/fs/written_since.h)?
fs::WrittenSince compare_marks(const Device& saved, const Device& here, std::uint64_t snapshot_ns);

// A name as a token spells it: what is not [A-Za-z0-9._/:-] as %XX.
std::string token_name(const std::string& name);

}  // namespace hib::device
