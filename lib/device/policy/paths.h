// Paths of a multipath volume that a restore can do without.
#pragma once

#include <cstddef>
#include <set>
#include <utility>

#include "lib/device/match/match.h"
#include "lib/device/match/state.h"

namespace hib::device {

// Pairs (volume, path) of the saved set. The volume is the same one here, the path is gone with nothing in
// its place, and another path of the volume is where it was: device-mapper goes on with that path.
using SparePaths = std::set<std::pair<std::size_t, std::size_t>>;
SparePaths spare_paths(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
                       const Topology& topology);

}  // namespace hib::device
