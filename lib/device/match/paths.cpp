// The paths of multipath volumes. A unit with several paths appears as several disks with the same keys. No
// key tells these disks apart, and none has to: they are one unit, and a disk's place says which path it is.
#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "lib/device/match/state.h"

namespace hib::device {
namespace {

using Side = Identities::Side;
using DiskAt = std::unordered_map<std::uint32_t, std::size_t>;  // place -> disk of b; kNone: several

DiskAt disks_at_places(const State& state) {
  DiskAt at;
  for (std::size_t b = 0; b < state.b.devices.size(); ++b) {
    if (state.b.devices[b].kind != Kind::Disk || state.place_b[b] == 0) continue;
    const auto [it, is_new] = at.emplace(state.place_b[b], b);
    if (!is_new) it->second = kNone;
  }
  return at;
}

// The volume of b with the same dm-uuid, where no other volume of either side has it. kNone when `a` is no
// multipath volume.
std::size_t same_volume(const State& state, std::size_t a) {
  if (!is_multipath(state.a.devices[a])) return kNone;
  for (const Key& key : state.identities.of(Side::Before, a).of(Rank::Hardware)) {
    if (state.identities.name(key.name) == kDmUuid) return state.identities.partner(Side::Before, key.value);
  }
  return kNone;
}

// One unit, and the disks that are paths to it.
class Unit {
 public:
  Unit(State& state, const DiskAt& disk_at, std::size_t volume_a, std::size_t volume_b)
      : state_(state),
        disk_at_(disk_at),
        volume_a_(volume_a),
        volume_b_(volume_b),
        paths_{disks_of(Side::Before, volume_a), disks_of(Side::Now, volume_b)} {
    for (const Side side : {Side::Before, Side::Now}) {
      for (const std::size_t path : paths_[side]) {
        for (const Key& key : state.identities.of(side, path).of(Rank::Hardware))
          ++holders_[key.value].count[side];
      }
    }
  }

  void link() {
    std::size_t in_place = 0;
    for (const std::size_t a : paths_[Side::Before]) in_place += link_in_place(a) ? 1 : 0;
    // No path is where it was: the unit could be a copy.
    if (in_place == 0) return;
    state_.paths_a[volume_a_] = state_.paths_b[volume_b_] = volume_b_;
    for (const std::size_t a : paths_[Side::Before]) settle_gone(a, in_place);
    for (const std::size_t b : paths_[Side::Now]) settle_new(b);
  }

 private:
  struct Holders {
    std::uint32_t count[2] = {0, 0};
  };

  std::vector<std::size_t> disks_of(Side side, std::size_t volume) const {
    const DeviceSet& set = side == Side::Before ? state_.a : state_.b;
    std::vector<std::size_t> disks =
        (side == Side::Before ? state_.topology_a : state_.topology_b).hosts_of(volume);
    std::erase_if(disks, [&](std::size_t i) { return set.devices[i].kind != Kind::Disk; });
    std::sort(disks.begin(), disks.end());
    disks.erase(std::unique(disks.begin(), disks.end()), disks.end());
    return disks;
  }

  // A key of the unit: on both sides paths have it, and no other disk.
  bool is_of_unit(std::uint32_t value) const {
    const auto it = holders_.find(value);
    if (it == holders_.end()) return false;
    return std::all_of(std::begin(kSides), std::end(kSides), [&](Side side) {
      return it->second.count[side] != 0 && it->second.count[side] == state_.identities.uses(side, value);
    });
  }

  bool has_key_of_unit(Side side, std::size_t path) const {
    const auto& keys = state_.identities.of(side, path).of(Rank::Hardware);
    return std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return is_of_unit(key.value); });
  }

  bool are_one_path(std::size_t a, std::size_t b) const {
    if (!state_.is_open_a(a) || !state_.is_open_b(b) || state_.identities.contradiction(a, b, Rank::Hardware))
      return false;
    const auto& in_b = state_.identities.of(Side::Now, b).of(Rank::Hardware);
    const auto& in_a = state_.identities.of(Side::Before, a).of(Rank::Hardware);
    return std::any_of(in_a.begin(), in_a.end(), [&](const Key& key) {
      return is_of_unit(key.value) && std::any_of(in_b.begin(), in_b.end(),
                                                  [&](const Key& other) { return other.value == key.value; });
    });
  }

  bool link_in_place(std::size_t a) {
    const auto there = disk_at_.find(state_.place_a[a]);
    if (state_.place_a[a] == 0 || there == disk_at_.end() || there->second == kNone) return false;
    if (state_.to_b[a] == there->second) return true;  // a key of its own has proven it
    if (!are_one_path(a, there->second)) return false;
    state_.pair(a, there->second, Proof::Path);
    return true;
  }

  // When another disk is at its place, the ordinary rules decide.
  void settle_gone(std::size_t a, std::size_t in_place) {
    if (!state_.is_open_a(a) || state_.place_a[a] == 0 || disk_at_.contains(state_.place_a[a]) ||
        !has_key_of_unit(Side::Before, a))
      return;
    Match match;
    match.verdict = Verdict::Absent;
    match.reason = fmt::format("this path to {} is gone; {} of the unit's are where they were",
                               label(state_.a.devices[volume_a_]), in_place);
    state_.decide(a, std::move(match));
  }

  void settle_new(std::size_t b) {
    if (!state_.is_open_b(b) || !has_key_of_unit(Side::Now, b)) return;
    Match match;
    match.verdict = Verdict::New;
    match.b = b;
    match.reason = "another path to " + label(state_.b.devices[volume_b_]);
    state_.is_candidate[b] = true;
    state_.only_b.push_back(std::move(match));
  }

  static constexpr Side kSides[] = {Side::Before, Side::Now};

  State& state_;
  const DiskAt& disk_at_;
  std::size_t volume_a_;
  std::size_t volume_b_;
  std::vector<std::size_t> paths_[2];
  std::unordered_map<std::uint32_t, Holders> holders_;  // by hardware key: how many of the paths have it
};

}  // namespace

bool is_multipath(const Device& device) {
  if (device.kind != Kind::Mapped) return false;
  const Value* uuid = device.find_identity(kDmUuid);
  return uuid != nullptr && uuid->text.rfind("mpath-", 0) == 0;
}

void link_paths(State& state) {
  const DiskAt disk_at = disks_at_places(state);
  for (std::size_t a = 0; a < state.a.devices.size(); ++a) {
    if (const std::size_t b = same_volume(state, a); b != kNone) Unit(state, disk_at, a, b).link();
  }
}

}  // namespace hib::device
