#include "lib/device/match/match.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/device/device_record.h"
#include "lib/device/match/state.h"

namespace hib::device {
namespace {

constexpr std::array kBelowStacks = {Kind::Pci, Kind::Usb,  Kind::FireWire, Kind::Thunderbolt,
                                     Kind::Net, Kind::Disk, Kind::Loop,     Kind::Partition};
constexpr std::array kBlockStacks = {Kind::Raid, Kind::Mapped};
constexpr unsigned kMaxStacked = 8;  // dm and md above one another whose keys do not decide

using ByPath = std::unordered_map<std::string_view, std::size_t>;

ByPath index_of_paths(const DeviceSet& set) {
  ByPath by_path;
  by_path.reserve(set.devices.size());
  for (std::size_t i = 0; i < set.devices.size(); ++i) by_path.emplace(set.devices[i].path, i);
  return by_path;
}

// "" when it is not known. A loop device is where its file is.
std::string own_place(const Device& device) {
  if (const Value* place = device.find_identity(kPlace)) return place->text;
  if (device.kind != Kind::Loop) return "";
  const Value* file = device.find_identity("backing-file");
  const Value* offset = device.find_identity("offset");
  if (file == nullptr) return "";
  return file->text + "\n" + (offset == nullptr ? "" : offset->text);
}

// The places of devices that have one of their own.
void find_own_places(State& state) {
  const auto find = [&state](const DeviceSet& set, std::vector<std::uint32_t>& places) {
    for (std::size_t i = 0; i < set.devices.size(); ++i) {
      if (is_content_only(set.devices[i].kind)) continue;
      const std::string place = own_place(set.devices[i]);
      if (!place.empty()) places[i] = state.place_number(set.devices[i].kind, place);
    }
  };
  find(state.a, state.place_a);
  find(state.b, state.place_b);
}

// A device as a place. A device that is decided has the number of its partner in b, others have their own
// place.
std::string as_place(const State& state, Identities::Side side, std::size_t device) {
  if (side == Identities::Before) {
    const std::size_t b = state.to_b[device];
    if (b != kNone && state.proof[device] != Proof::None) return fmt::format("on {}", b);
    if (b != kNone) return fmt::format("on what is replaced, {}", device);
  } else if (state.to_a[device] != kNone) {
    return fmt::format("on {}", device);
  }
  const Device& on = (side == Identities::Before ? state.a : state.b).devices[device];
  const std::string place = own_place(on);
  return place.empty() ? fmt::format("on {} of {}", device, side == Identities::Before ? "before" : "now")
                       : "at " + place;
}

// The place of content: the devices that it lies on.
void find_places_of_contents(State& state) {
  for (const auto side : {Identities::Before, Identities::Now}) {
    const DeviceSet& set = side == Identities::Before ? state.a : state.b;
    const Topology& topology = side == Identities::Before ? state.topology_a : state.topology_b;
    auto& places = side == Identities::Before ? state.place_a : state.place_b;
    for (std::size_t i = 0; i < set.devices.size(); ++i) {
      if (!is_content_only(set.devices[i].kind)) continue;
      std::vector<std::string> on;
      // For a disk with several paths: its unit, however many paths there are.
      if (const std::size_t unit = (side == Identities::Before ? state.paths_a : state.paths_b)[i];
          unit != kNone) {
        places[i] = state.place_number(set.devices[i].kind, fmt::format("unit of {}", unit));
        continue;
      }
      for (const std::size_t member : topology.members[i]) on.push_back(as_place(state, side, member));
      if (on.empty() && topology.parent[i] != kNone) on.push_back(as_place(state, side, topology.parent[i]));
      if (on.empty()) on.push_back(set.devices[i].path);  // NFS, tmpfs: nowhere else
      std::sort(on.begin(), on.end());
      places[i] = state.place_number(set.devices[i].kind, fmt::format("{}", fmt::join(on, "\n")));
    }
  }
}

bool lies_on_something_moved(const State& state, std::size_t a) {
  if (!is_content_only(state.a.devices[a].kind)) return false;
  const auto moved = [&state](std::size_t on) {
    return on != kNone && state.decided[on] && state.matches[on].verdict == Verdict::Moved;
  };
  return moved(state.topology_a.parent[a]) ||
         std::any_of(state.topology_a.members[a].begin(), state.topology_a.members[a].end(), moved);
}

Verdict verdict_of_pair(const State& state, std::size_t a) {
  if (state.proof[a] == Proof::Weak) return Verdict::Unproven;
  const bool same_place = state.place_a[a] == state.place_b[state.to_b[a]];
  return same_place && !lies_on_something_moved(state, a) ? Verdict::Same : Verdict::Moved;
}

void settle_pairs(State& state, bool content_only) {
  for (const std::size_t a : state.topology_a.by_depth) {
    if (state.to_b[a] == kNone || state.decided[a] ||
        is_content_only(state.a.devices[a].kind) != content_only)
      continue;
    Match match;
    match.verdict = verdict_of_pair(state, a);
    match.b = state.to_b[a];
    match.reason = reason_of_pair(state, a, match.verdict);
    state.decide(a, std::move(match));
  }
}

void match_contents(State& state) {
  for (unsigned level = 0; level < kMaxStacked; ++level) {
    find_places_of_contents(state);
    if (!link_by_host(state, kBlockStacks)) break;
  }
  match_by_model(state, kBlockStacks);
  find_places_of_contents(state);
  link_by_host(state, kContents);
  match_by_model(state, kContents);
  settle_pairs(state, true);
}

Comparison collect(State& state) {
  Comparison comparison;
  comparison.matches = std::move(state.matches);
  for (std::size_t b = 0; b < state.b.devices.size(); ++b) {
    if (!state.is_open_b(b)) continue;
    Match match;
    match.verdict = Verdict::New;
    match.b = b;
    match.reason = "was not there";
    state.only_b.push_back(std::move(match));
  }
  std::stable_sort(state.only_b.begin(), state.only_b.end(),
                   [](const Match& x, const Match& y) { return *x.b < *y.b; });
  std::move(state.only_b.begin(), state.only_b.end(), std::back_inserter(comparison.matches));
  return comparison;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Same: return "same";
    case Verdict::Moved: return "moved";
    case Verdict::Replaced: return "replaced";
    case Verdict::Absent: return "absent";
    case Verdict::New: return "new";
    case Verdict::Ambiguous: return "ambiguous";
    case Verdict::Unproven: return "unproven";
    case Verdict::UnknownDriver: return "unknown-driver";
  }
  return "unknown";
}

Topology::Topology(const DeviceSet& set)
    : parent(set.devices.size(), kNone), children(set.devices.size()), members(set.devices.size()) {
  const ByPath by_path = index_of_paths(set);
  const auto find = [&](const std::string& path, std::size_t self) {
    const auto it = by_path.find(path);
    return path.empty() || it == by_path.end() || it->second == self ? kNone : it->second;
  };
  for (std::size_t i = 0; i < set.devices.size(); ++i) {
    parent[i] = find(set.devices[i].parent, i);
    for (const std::string& path : set.devices[i].members) {
      if (const std::size_t member = find(path, i); member != kNone) members[i].push_back(member);
    }
  }
  std::vector<unsigned> depth(set.devices.size(), 0);
  for (std::size_t i = 0; i < set.devices.size(); ++i) {
    for (std::size_t at = parent[i]; at != kNone; at = parent[at]) {
      if (++depth[i] <= kMaxParents) continue;
      parent[i] = kNone;  // a circle
      depth[i] = 0;
      break;
    }
    by_depth.push_back(i);
  }
  for (std::size_t i = 0; i < set.devices.size(); ++i) {
    if (parent[i] != kNone) children[parent[i]].push_back(i);
  }
  std::stable_sort(by_depth.begin(), by_depth.end(),
                   [&](std::size_t x, std::size_t y) { return depth[x] < depth[y]; });
}

std::vector<std::size_t> Topology::hosts_of(std::size_t device) const {
  std::vector<std::size_t> hosts = members[device];
  if (parent[device] != kNone && std::find(hosts.begin(), hosts.end(), parent[device]) == hosts.end())
    hosts.push_back(parent[device]);
  return hosts;
}

State::State(const DeviceSet& set_a, const DeviceSet& set_b)
    : a(set_a),
      b(set_b),
      identities(set_a, set_b),
      topology_a(set_a),
      topology_b(set_b),
      to_b(set_a.devices.size(), kNone),
      to_a(set_b.devices.size(), kNone),
      proof(set_a.devices.size(), Proof::None),
      matches(set_a.devices.size()),
      decided(set_a.devices.size(), false),
      is_candidate(set_b.devices.size(), false),
      place_a(set_a.devices.size(), 0),
      place_b(set_b.devices.size(), 0),
      paths_a(set_a.devices.size(), kNone),
      paths_b(set_b.devices.size(), kNone) {}

std::uint32_t State::place_number(Kind kind, const std::string& text) {
  std::string key;
  key += static_cast<char>('a' + static_cast<int>(kind));
  key += text;
  return place_numbers_.emplace(std::move(key), static_cast<std::uint32_t>(place_numbers_.size() + 1))
      .first->second;
}

bool Comparison::nothing_changed() const {
  return std::all_of(matches.begin(), matches.end(), [](const Match& match) {
    return match.verdict == Verdict::Same || match.verdict == Verdict::Unproven ||
           (match.verdict == Verdict::Ambiguous && match.looks_alike);
  });
}

Comparison match(const DeviceSet& a, const DeviceSet& b) {
  State state(a, b);
  find_own_places(state);
  link_by_keys(state);
  prove_by_children(state);
  match_by_model(state, kBelowStacks);
  settle_pairs(state, false);
  match_contents(state);
  settle_absent(state);
  return collect(state);
}

}  // namespace hib::device
