// What must hold before the memory of a machine is put back: going on would ruin a mounted file system that
// lies on the wrong disk now.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/device/device.h"
#include "lib/device/match/match.h"
#include "lib/fs/written_since.h"

namespace hib::device {

// Why a saved device is critical: what lies on it, or on a device that is made of it.
struct Use {
  std::string what;  // "ext4 mounted at /home", "swap", "the image"
  bool writable = true;
};

// For each device of the set the uses that make it critical; none for most. Critical are mounted file
// systems, swap in use, members of dm or md in use, devices with the state "image", and every device below
// those down to the controller. At most kMaxUses of one device are named.
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
  bool accepted = false;       // --accept named it: no reason to stop
};

// One refusal for each critical device that no row of this table allows, and one for each file system that
// was written since or may have been. docs/devices.md has the table in full sentences.
//
//   verdict              kind                   allowed when                 why
//   same                 every                  always                       keys and place agree
//   moved                FireWire, Thunderbolt  always                       the kernel knows its identity
//   moved                dm, md, file system,   it lies on the same devices  it moved with them
//                        swap
//   moved                any other              its parent moved, and was    the kernel finds it through its
//                                               allowed to                   parent
//   unproven, ambiguous* PCI, USB               always                       their children carry the proof
//   unproven, ambiguous* disk, partition        place and content are equal  its content proves it
//   unproven, ambiguous* dm, md, loop           it lies on the same devices  it is made of proven devices
//   absent               dm, md, loop           all below it is allowed      the memory has it set up
//   absent, moved,       path of a multipath    nothing is in its place, and device-mapper goes on with the
//   ambiguous,           volume that is the     another path is the same     other path
//   unknown-driver       same
//
// * ambiguous only where the candidate at the same place cannot be told from it (Match::looks_alike)
//
// Only the lowest device that is not allowed is reported; what lies on it is named among its uses. `accepted`
// are override tokens. What they name is reported too, as accepted. Accepting a device covers what lies on
// it, but not a file system that was written since. `snapshot_ns` is CLOCK_REALTIME when the devices were
// suspended, 0 when that is not known.
std::vector<Refusal> check(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
                           std::uint64_t snapshot_ns, const std::vector<std::string>& accepted);

// Was the file system `saved` written since? Compares its marks with those of `here`
// (lib/fs/written_since.h).
fs::WrittenSince compare_marks(const Device& saved, const Device& here, std::uint64_t snapshot_ns);

// What Refusal::verdict may be.
std::vector<std::string> refused_verdicts();

// A name as a token spells it: bytes other than [A-Za-z0-9._/:-] become %XX.
std::string token_name(const std::string& name);

}  // namespace hib::device
