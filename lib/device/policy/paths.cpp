#include "lib/device/policy/paths.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace hib::device {
namespace {

bool may_be_gone(Verdict verdict) {
  switch (verdict) {
    case Verdict::Absent:
    case Verdict::Moved:
    case Verdict::Ambiguous:
    case Verdict::UnknownDriver: return true;
    case Verdict::Same:
    case Verdict::Replaced:
    case Verdict::Unproven:
    case Verdict::New: return false;
  }
  return false;
}

}  // namespace

SparePaths spare_paths(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
                       const Topology& topology) {
  std::vector<std::optional<Verdict>> verdicts(saved.devices.size());
  for (const Match& match : comparison.matches) {
    if (match.a) verdicts[*match.a] = match.verdict;
  }
  std::unordered_set<std::string> taken;
  for (const Device& device : here.devices) {
    const Value* place = device.kind == Kind::Disk ? device.find_identity(kPlace) : nullptr;
    if (place != nullptr) taken.insert(place->text);
  }
  const auto is_gone = [&](std::size_t path) {
    const Value* place = saved.devices[path].find_identity(kPlace);
    return saved.devices[path].kind == Kind::Disk && verdicts[path] && may_be_gone(*verdicts[path]) &&
           place != nullptr && !taken.contains(place->text);
  };
  SparePaths spare;
  for (std::size_t volume = 0; volume < saved.devices.size(); ++volume) {
    if (!is_multipath(saved.devices[volume]) || verdicts[volume] != Verdict::Same) continue;
    const auto paths = topology.hosts_of(volume);
    if (std::none_of(paths.begin(), paths.end(),
                     [&](std::size_t path) { return verdicts[path] == Verdict::Same; }))
      continue;
    for (const std::size_t path : paths) {
      if (is_gone(path)) spare.emplace(volume, path);
    }
  }
  return spare;
}

}  // namespace hib::device
