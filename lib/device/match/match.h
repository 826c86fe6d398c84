// Which device of one set (a, before) is which of another (b, now), and why. Matching is over the whole sets,
// strongest keys first. A device that cannot be decided is called ambiguous, never guessed.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/device/device.h"

namespace hib::device {

enum class Verdict {
  Same,           // strong keys equal, same place
  Moved,          // strong keys equal, another place
  Replaced,       // same place, strong keys differ
  Absent,         // only before
  New,            // only now
  Ambiguous,      // several could be it, and no strong key decides
  Unproven,       // only weak keys on both sides; equal as far as can be told
  UnknownDriver,  // its parent is there now, but has no driver
};

std::string_view name_of(Verdict verdict);

inline constexpr std::size_t kMaxCandidates =
    16;  // named for one device, the one at its place first; `reason` says how many there are

struct Match {
  Verdict verdict = Verdict::Same;
  std::optional<std::size_t> a;  // index into the set before; missing for New
  std::optional<std::size_t>
      b;  // index into the set now; missing for Absent, UnknownDriver and where several could be it
  std::vector<std::size_t> candidates;  // Ambiguous: indexes into the set now of those that could be `a`
                                        // (into the set before where there is no `a`)
  bool looks_alike = false;  // Ambiguous: the candidate at the same place cannot be told from it, so nothing
                             // has visibly changed
  std::string reason;        // one sentence for people: which keys decided, what was found and expected
};

struct Comparison {
  std::vector<Match>
      matches;  // every device before, in its order; then the devices that are only there now, in theirs

  // Nothing has visibly changed: every match is Same, Unproven, or Ambiguous and alike.
  bool nothing_changed() const;
};

Comparison match(const DeviceSet& a, const DeviceSet& b);

}  // namespace hib::device
