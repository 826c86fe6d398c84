// Which device of one set is which of another, and why. Matching is over the whole set, strongest keys first;
// what cannot be decided is called ambiguous, never guessed.
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
  Absent,         // only in A
  New,            // only in B
  Ambiguous,      // several could be it, and no strong key decides
  Unproven,       // only weak keys on both sides; equal as far as can be told
  UnknownDriver,  // what it hangs on is there, but B has no driver for that
};

std::string_view name_of(Verdict verdict);

inline constexpr std::size_t kMaxCandidates =
    16;  // named for one device, the one at its place first; `reason` says how many there are

struct Match {
  Verdict verdict = Verdict::Same;
  std::optional<std::size_t> a;  // index into A; missing for New
  std::optional<std::size_t>
      b;  // index into B; missing for Absent, UnknownDriver and where several could be it
  std::vector<std::size_t>
      candidates;  // Ambiguous: indexes into B of those that could be `a` (into A where there is no `a`)
  bool looks_alike = false;  // Ambiguous: the candidate at the same place cannot be told from it: nothing has
                             // visibly changed
  std::string reason;        // one sentence for people: which keys decided, what was found and expected
};

struct Comparison {
  std::vector<Match> matches;  // every device of A in the order of A, then what only B has in the order of B

  // Nothing has visibly changed: every match is Same, Unproven, or Ambiguous and alike.
  bool nothing_changed() const;
};

Comparison match(const DeviceSet& a, const DeviceSet& b);

}  // namespace hib::device
