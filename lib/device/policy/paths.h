// Paths of a multipath volume that a restore can do without.
#pragma once

#include <cstddef>
#include <set>
#include <utility>

#include "lib/device/match/match.h"
#include "lib/device/match/state.h"

namespace hib::device {

// (volume, path) of the saved set: the volume is the same one, the path is gone and nothing is in its place,
// and another path of the volume is where it was. Device-mapper goes on with that one.
using SparePaths = std::set<std::pair<std::size_t, std::size_t>>;
SparePaths spare_paths(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
                       const Topology& topology);

}  // namespace hib::device
