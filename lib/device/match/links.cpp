// The pairs that are proven.
#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <unordered_map>

#include "lib/device/match/state.h"

namespace hib::device {
namespace {

// The kinds in the order of linking: each lies on the ones before.
constexpr std::array kPhysical = {Kind::Pci, Kind::Usb,  Kind::FireWire, Kind::Thunderbolt,
                                  Kind::Net, Kind::Disk, Kind::Loop};
constexpr std::array kStacks = {Kind::Raid, Kind::Mapped};
constexpr std::array kPartitions = {Kind::Partition};

using Links = std::vector<std::vector<std::size_t>>;  // by device, those of the other side

void add_once(std::vector<std::size_t>& list, std::size_t index) {
  if (std::find(list.begin(), list.end(), index) == list.end()) list.push_back(index);
}

// Content proves a partition only on a proven disk, or on a disk that only its content could prove.
bool hosts_let_content_decide(const State& state, std::size_t a, std::size_t b) {
  if (state.a.devices[a].kind != Kind::Partition) return true;
  const std::size_t host_a = state.topology_a.parent[a];
  const std::size_t host_b = state.topology_b.parent[b];
  if (host_a == kNone || host_b == kNone || state.to_b[host_a] == host_b) return true;
  return !hosts_differ(state, a, b) && state.identities.content_decides(host_a, host_b);
}

// Content can be copied. A device elsewhere may be the copy when the content of a possible original was not
// readable.
bool may_be_a_copy(const State& state, std::size_t a, std::size_t b, std::uint32_t name) {
  const Kind kind = state.a.devices[a].kind;
  if (!is_content_only(kind))
    return (state.place_a[a] == 0 || state.place_a[a] != state.place_b[b]) &&
           state.identities.is_unreadable_somewhere(kind, name);
  if (!state.identities.is_unreadable_somewhere(kind, name)) return false;
  const std::size_t host = state.topology_a.parent[a];
  if (host == kNone || state.to_b[host] == kNone || state.to_b[host] == state.topology_b.parent[b])
    return false;
  for (const std::size_t other : state.topology_b.children[state.to_b[host]]) {
    if (state.b.devices[other].kind == kind && state.identities.of(Identities::Now, other).is_unknown(name))
      return true;
  }
  return false;
}

bool may_link(const State& state, std::size_t a, std::size_t b, Rank rank, std::uint32_t name) {
  if (!state.is_open_a(a) || state.to_a[b] != kNone) return false;
  if (state.identities.contradiction(a, b, Rank::Hardware)) return false;
  const Kind kind = state.a.devices[a].kind;
  if ((rank == Rank::Content || is_content_only(kind)) && may_be_a_copy(state, a, b, name)) return false;
  if (rank == Rank::Hardware) return true;
  return state.identities.content_decides(a, b) && !state.identities.contradiction(a, b, Rank::Content) &&
         hosts_let_content_decide(state, a, b);
}

void call_ambiguous(State& state, std::size_t a, const std::vector<std::size_t>& partners) {
  Match match;
  match.verdict = Verdict::Ambiguous;
  match.candidates.assign(partners.begin(), partners.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                   partners.size(), kMaxCandidates)));
  match.reason = partners.size() > 1 ? "its keys are those of several devices:"
                                     : "its keys are those of a device that has another one's too:";
  for (const std::size_t b : match.candidates) {
    match.reason += " " + label(state.b.devices[b]);
    state.is_candidate[b] = true;
  }
  state.decide(a, std::move(match));
}

// Two devices that are linked to each other and to no other device are one.
void link(State& state, Rank rank, std::span<const Kind> kinds) {
  Links of_a(state.a.devices.size());
  Links of_b(state.b.devices.size());
  for (std::size_t a = 0; a < of_a.size(); ++a) {
    if (std::find(kinds.begin(), kinds.end(), state.a.devices[a].kind) == kinds.end() || !state.is_open_a(a))
      continue;
    for (const Key& key : state.identities.of(Identities::Before, a).of(rank)) {
      const std::size_t b = state.identities.partner(Identities::Before, key.value);
      if (b == kNone || !may_link(state, a, b, rank, key.name)) continue;
      add_once(of_a[a], b);
      add_once(of_b[b], a);
    }
  }
  const Proof proof = rank == Rank::Hardware ? Proof::Hardware : Proof::Content;
  for (std::size_t a = 0; a < of_a.size(); ++a) {
    if (of_a[a].empty()) continue;
    if (of_a[a].size() == 1 && of_b[of_a[a][0]].size() == 1) {
      state.pair(a, of_a[a][0], proof);
    } else {
      call_ambiguous(state, a, of_a[a]);
    }
  }
}

// The value of one name as text, "" when there is none.
std::string text_of(const Device& device, std::string_view name) {
  const Value* value = device.find_identity(name);
  return value == nullptr ? "" : value->text;
}

// Partitions of proven disks that have no key of their own, or one that a copy has too.
void link_partitions_by_start(State& state) {
  std::unordered_map<std::string, std::size_t> by_start;  // kNone: several
  const auto key = [](std::size_t host_b, const Device& device) {
    return std::to_string(host_b) + " " + text_of(device, "start");
  };
  for (std::size_t b = 0; b < state.b.devices.size(); ++b) {
    const Device& device = state.b.devices[b];
    const std::size_t host = state.topology_b.parent[b];
    if (device.kind != Kind::Partition || host == kNone || !state.is_open_b(b) ||
        text_of(device, "start").empty())
      continue;
    const auto [it, is_new] = by_start.emplace(key(host, device), b);
    if (!is_new) it->second = kNone;
  }
  for (std::size_t a = 0; a < state.a.devices.size(); ++a) {
    const Device& device = state.a.devices[a];
    const std::size_t host = state.topology_a.parent[a];
    if (device.kind != Kind::Partition || host == kNone || !state.is_open_a(a) || !state.is_proven(host))
      continue;
    const auto found = by_start.find(key(state.to_b[host], device));
    if (found == by_start.end() || found->second == kNone || state.to_a[found->second] != kNone) continue;
    if (!state.identities.difference(a, found->second)) state.pair(a, found->second, Proof::Host);
  }
}

// The interface of a network card, the disk of an NVMe or virtio function cannot be taken off it; a disk can
// be put on another controller.
bool is_inseparable(const Device& child) {
  return child.kind == Kind::Net ||
         (child.kind == Kind::Disk && (child.bus == "nvme" || child.bus == "virtio"));
}

bool is_carrier(Kind kind) { return kind == Kind::Pci || kind == Kind::Usb; }

}  // namespace

bool hosts_differ(const State& state, std::size_t a, std::size_t b) {
  if (state.a.devices[a].kind != Kind::Partition) return false;
  const std::size_t host_a = state.topology_a.parent[a];
  const std::size_t host_b = state.topology_b.parent[b];
  if (host_a == kNone || host_b == kNone) return false;
  if (state.to_b[host_a] == host_b) return state.proof[host_a] == Proof::None;
  if (state.to_b[host_a] != kNone || state.to_a[host_b] != kNone) return true;
  if (state.a.devices[host_a].kind != state.b.devices[host_b].kind) return true;
  const auto difference = state.identities.difference(host_a, host_b);
  return difference && difference->rank == Rank::Hardware;
}

void link_by_keys(State& state) {
  link(state, Rank::Hardware, kPhysical);
  link_paths(state);
  link(state, Rank::Content, kPhysical);
  link(state, Rank::Hardware, kStacks);
  link(state, Rank::Hardware, kPartitions);
  link(state, Rank::Content, kPartitions);
  link_partitions_by_start(state);
  link(state, Rank::Hardware, kContents);
}

void prove_by_children(State& state) {
  std::vector<std::size_t> moved_to(state.a.devices.size(), kNone);
  std::vector<bool> torn(state.a.devices.size(), false);  // what cannot be taken off it is in two places
  for (auto it = state.topology_a.by_depth.rbegin(); it != state.topology_a.by_depth.rend(); ++it) {
    const std::size_t child = *it;
    const std::size_t host_a = state.topology_a.parent[child];
    if (!state.is_proven(child) || host_a == kNone || !is_carrier(state.a.devices[host_a].kind) ||
        !state.is_open_a(host_a))
      continue;
    const std::size_t host_b = state.topology_b.parent[state.to_b[child]];
    if (host_b == kNone || state.b.devices[host_b].kind != state.a.devices[host_a].kind ||
        !state.is_open_b(host_b))
      continue;
    if (state.identities.difference(host_a, host_b)) continue;
    if (state.place_a[host_a] != 0 && state.place_a[host_a] == state.place_b[host_b]) {
      state.pair(host_a, host_b, Proof::Children);
    } else if (is_inseparable(state.a.devices[child])) {
      torn[host_a] = torn[host_a] || (moved_to[host_a] != kNone && moved_to[host_a] != host_b);
      moved_to[host_a] = host_b;
    }
  }
  // When several devices claim one partner, none gets it.
  std::unordered_map<std::size_t, unsigned> claims;
  for (std::size_t a = 0; a < moved_to.size(); ++a) claims[moved_to[a]] += moved_to[a] != kNone ? 1 : 0;
  for (std::size_t a = 0; a < moved_to.size(); ++a) {
    const std::size_t b = moved_to[a];
    if (b == kNone || torn[a] || claims[b] != 1 || !state.is_open_a(a) || !state.is_open_b(b)) continue;
    state.pair(a, b, Proof::Children);
  }
}

bool link_by_host(State& state, std::span<const Kind> kinds) {
  const auto is_meant = [&](const Device& device) {
    return std::find(kinds.begin(), kinds.end(), device.kind) != kinds.end();
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> at_place;  // place and value; kNone: several
  for (std::size_t b = 0; b < state.b.devices.size(); ++b) {
    if (!is_meant(state.b.devices[b]) || !state.is_open_b(b)) continue;
    for (const Key& key : state.identities.of(Identities::Now, b).of(Rank::Hardware)) {
      const auto [it, is_new] = at_place.emplace(std::pair(state.place_b[b], key.value), b);
      if (!is_new) it->second = kNone;
    }
  }
  bool any = false;
  for (std::size_t a = 0; a < state.a.devices.size(); ++a) {
    const std::size_t host = state.topology_a.parent[a];
    if (!is_meant(state.a.devices[a]) || host == kNone || !state.is_proven(host) || !state.is_open_a(a))
      continue;
    for (const Key& key : state.identities.of(Identities::Before, a).of(Rank::Hardware)) {
      const auto found = at_place.find(std::pair(state.place_a[a], key.value));
      if (found == at_place.end() || found->second == kNone || state.to_a[found->second] != kNone) continue;
      if (state.identities.contradiction(a, found->second, Rank::Hardware)) continue;
      state.pair(a, found->second, Proof::Host);
      any = true;
      break;
    }
  }
  return any;
}

}  // namespace hib::device
