// Devices that no key decides: groups of devices that could be each other, and their places.
#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <tuple>
#include <unordered_map>

#include "lib/device/match/state.h"

namespace hib::device {
namespace {

constexpr std::size_t kMaxTried = 64;  // of a group, to find candidates for one device
constexpr std::size_t kMaxWildcards =
    16;  // different sets of unreadable names of one kind; more are taken as one

// The names whose values say nothing, because they could not be read on some device.
struct Wildcard {
  std::vector<std::uint32_t> names;  // ascending
  bool content = false;              // what lies on it says nothing either: there may be a hardware key

  bool operator<(const Wildcard& other) const {
    return std::tie(names, content) < std::tie(other.names, other.content);
  }
};

std::uint64_t mixed(std::uint64_t hash, std::uint64_t value) {
  hash ^= value + 0x9E3779B97F4A7C15U;
  hash *= 0xBF58476D1CE4E5B9U;
  return hash ^ (hash >> 29);
}

// Equal for devices that could be each other when the wildcard's names are left out. A collision makes a
// group too large, which costs a verdict its strength and never makes one wrong: pairs are compared value by
// value.
std::uint64_t signature(const Identity& identity, bool usable_hardware, const Wildcard& wildcard) {
  std::uint64_t hash = 1;
  for (const Rank rank : {Rank::Hardware, Rank::Content, Rank::Medium}) {
    if (rank == Rank::Content && (wildcard.content || usable_hardware)) continue;
    for (const Key& key : identity.of(rank)) {
      if (!std::binary_search(wildcard.names.begin(), wildcard.names.end(), key.name))
        hash = mixed(hash, key.value);
    }
  }
  return hash;
}

struct Group {
  std::vector<std::size_t> of_a;
  std::vector<std::size_t> of_b;
};

// The open devices of one kind, in groups that are closed under "could be each other".
class Groups {
 public:
  Groups(const State& state, Kind kind) {
    for (std::size_t a = 0; a < state.a.devices.size(); ++a) {
      if (state.a.devices[a].kind == kind && state.is_open_a(a)) add(state, Identities::Before, a);
    }
    for (std::size_t b = 0; b < state.b.devices.size(); ++b) {
      if (state.b.devices[b].kind == kind && state.is_open_b(b)) add(state, Identities::Now, b);
    }
    join_all();
  }

  std::vector<Group> take() {
    std::map<std::size_t, Group> by_root;  // in the order of a
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      Group& group = by_root[root(i)];
      (entries_[i].side == Identities::Before ? group.of_a : group.of_b).push_back(entries_[i].index);
    }
    std::vector<Group> groups;
    for (auto& [first, group] : by_root) groups.push_back(std::move(group));
    return groups;
  }

 private:
  struct Entry {
    const Identity* identity;
    Identities::Side side;
    std::size_t index;
    bool usable_hardware;
    std::size_t wildcard;
  };

  void add(const State& state, Identities::Side side, std::size_t index) {
    const Identity& identity = state.identities.of(side, index);
    Wildcard wildcard{identity.unknown, identity.hardware_unknown};
    const auto [it, is_new] = wildcards_.emplace(std::move(wildcard), wildcards_.size());
    entries_.push_back(
        {&identity, side, index, state.identities.has_usable_hardware(side, index), it->second});
  }

  void join_all() {
    parent_.resize(entries_.size());
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    if (wildcards_.size() > kMaxWildcards) {
      Wildcard all;
      for (const auto& [wildcard, number] : wildcards_) {
        all.names.insert(all.names.end(), wildcard.names.begin(), wildcard.names.end());
        all.content = all.content || wildcard.content;
      }
      std::sort(all.names.begin(), all.names.end());
      join(all, kNone);
      return;
    }
    join({}, kNone);
    for (const auto& [wildcard, number] : wildcards_) {
      if (!wildcard.names.empty()) join(wildcard, number);
    }
  }

  // Joins what is alike under the wildcard, if one of it has that wildcard; kNone: all that is alike.
  void join(const Wildcard& wildcard, std::size_t number) {
    std::unordered_map<std::uint64_t, std::size_t> first;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      if (number == kNone || entries_[i].wildcard == number) {
        const auto [it, is_new] =
            first.emplace(signature(*entries_[i].identity, entries_[i].usable_hardware, wildcard), i);
        if (!is_new) unite(it->second, i);
      }
    }
    if (number == kNone) return;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const auto it = first.find(signature(*entries_[i].identity, entries_[i].usable_hardware, wildcard));
      if (it != first.end()) unite(it->second, i);
    }
  }

  std::size_t root(std::size_t i) {
    while (parent_[i] != i) {
      parent_[i] = parent_[parent_[i]];
      i = parent_[i];
    }
    return i;
  }

  void unite(std::size_t i, std::size_t j) {
    const std::size_t x = root(i);
    const std::size_t y = root(j);
    parent_[std::max(x, y)] = std::min(x, y);
  }

  std::vector<Entry> entries_;
  std::vector<std::size_t> parent_;
  std::map<Wildcard, std::size_t> wildcards_;
};

bool could_be(const State& state, std::size_t a, std::size_t b) {
  return !hosts_differ(state, a, b) && !state.identities.difference(a, b);
}

// Which open device of a side is at a place; kNone where several are.
using AtPlace = std::unordered_map<std::uint32_t, std::size_t>;

AtPlace open_at_places(const State& state, Identities::Side side, Kind kind) {
  AtPlace at;
  const auto& devices = side == Identities::Before ? state.a.devices : state.b.devices;
  const auto& places = side == Identities::Before ? state.place_a : state.place_b;
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const bool open = side == Identities::Before ? state.is_open_a(i) : state.is_open_b(i);
    if (!open || devices[i].kind != kind || places[i] == 0) continue;
    const auto [it, is_new] = at.emplace(places[i], i);
    if (!is_new) it->second = kNone;
  }
  return at;
}

std::size_t at_place_of(const AtPlace& at, std::uint32_t place) {
  const auto it = at.find(place);
  return place == 0 || it == at.end() ? kNone : it->second;
}

// PCI bridges, USB hubs, tmpfs and NFS hold no data of their own: another one of the same model at the same
// place serves as well.
bool is_only_a_place(const Device& device) {
  if (device.kind == Kind::FileSystem) return device.parent.empty() && device.members.empty();
  const Value* value = device.find_identity("class");
  if (value == nullptr) return false;
  std::string_view text = value->text;
  if (text.substr(0, 2) == "0x") text.remove_prefix(2);
  if (device.kind == Kind::Pci) return text.size() >= 6 && text.substr(text.size() - 6, 2) == "06";
  return device.kind == Kind::Usb && text.substr(0, 2) == "09";
}

void pair_mere_places(State& state, Kind kind) {
  const AtPlace at_b = open_at_places(state, Identities::Now, kind);
  for (const auto& [place, a] : open_at_places(state, Identities::Before, kind)) {
    const std::size_t b = at_place_of(at_b, place);
    if (a == kNone || b == kNone || !is_only_a_place(state.a.devices[a]) || state.identities.difference(a, b))
      continue;
    state.pair(a, b, Proof::Weak);
  }
}

std::vector<std::uint32_t> sorted_places(const std::vector<std::uint32_t>& places,
                                         const std::vector<std::size_t>& indexes) {
  std::vector<std::uint32_t> out;
  out.reserve(indexes.size());
  for (const std::size_t i : indexes) out.push_back(places[i]);
  std::sort(out.begin(), out.end());
  return out;
}

// All places of the group are known, and they are the same on both sides.
bool same_places(const State& state, const Group& group) {
  const auto in_a = sorted_places(state.place_a, group.of_a);
  return in_a == sorted_places(state.place_b, group.of_b) && !in_a.empty() && in_a.front() != 0 &&
         std::adjacent_find(in_a.begin(), in_a.end()) == in_a.end();
}

std::vector<std::size_t> candidates_for(const State& state, std::size_t a, const Group& group) {
  std::vector<std::size_t> found;
  const std::size_t tried = std::min(group.of_b.size(), kMaxTried);
  for (std::size_t i = 0; i < tried && found.size() < kMaxCandidates; ++i) {
    if (could_be(state, a, group.of_b[i])) found.push_back(group.of_b[i]);
  }
  return found;
}

void put_first(std::vector<std::size_t>& list, std::size_t index) {
  const auto it = std::find(list.begin(), list.end(), index);
  if (it != list.end()) list.erase(it);
  list.insert(list.begin(), index);
  if (list.size() > kMaxCandidates) list.pop_back();
}

std::string reason_of_ambiguity(const State& state, const Match& match, std::size_t a, const Group& group) {
  const std::string others = group.of_b.size() == 1
                                 ? label(state.b.devices[group.of_b[0]]) +
                                       " elsewhere could be it, moved, or another one of its kind"
                                 : std::to_string(group.of_b.size()) + " devices could be it";
  const bool unreadable = state.identities.of(Identities::Before, a).hardware_unknown ||
                          std::any_of(match.candidates.begin(), match.candidates.end(), [&](std::size_t b) {
                            return state.identities.of(Identities::Now, b).hardware_unknown;
                          });
  return others + (unreadable ? ": keys could not be read" : ": no key tells them apart") +
         (match.looks_alike ? "; all are where they were" : "");
}

// `at` is the device of b at the place of `a` that could be it, or kNone.
void call_ambiguous(State& state, std::size_t a, const Group& group, std::vector<std::size_t> candidates,
                    std::size_t at, bool alike) {
  Match match;
  match.verdict = Verdict::Ambiguous;
  match.candidates = std::move(candidates);
  if (at != kNone) put_first(match.candidates, at);
  match.looks_alike = at != kNone && alike;
  match.reason = reason_of_ambiguity(state, match, a, group);
  state.decide(a, std::move(match));
}

// For a group with more devices now than before: some are new, and nothing tells which. Those at other places
// are named.
void name_surplus(State& state, const Group& group) {
  if (group.of_b.size() <= group.of_a.size()) return;
  const auto places = sorted_places(state.place_a, group.of_a);
  for (const std::size_t b : group.of_b) {
    if (state.place_b[b] != 0 && std::binary_search(places.begin(), places.end(), state.place_b[b])) continue;
    Match match;
    match.verdict = Verdict::Ambiguous;
    match.b = b;
    match.candidates.assign(group.of_a.begin(), group.of_a.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                         group.of_a.size(), kMaxCandidates)));
    match.reason = "new, or one of " + std::to_string(group.of_a.size()) + " that no key tells from it";
    state.only_b.push_back(std::move(match));
  }
}

void decide_group(State& state, const Group& group, const AtPlace& at_b) {
  if (group.of_a.empty() || group.of_b.empty()) return;
  const bool alike = same_places(state, group);
  bool ambiguous = false;
  for (const std::size_t a : group.of_a) {
    std::size_t at = at_place_of(at_b, state.place_a[a]);
    if (at != kNone && !could_be(state, a, at)) at = kNone;
    if (group.of_a.size() == 1 && group.of_b.size() == 1 && at == group.of_b[0]) {
      state.pair(a, at, Proof::Weak);
      return;
    }
    auto candidates = candidates_for(state, a, group);
    if (candidates.empty() && at == kNone) continue;
    call_ambiguous(state, a, group, std::move(candidates), at, alike);
    ambiguous = true;
  }
  if (!ambiguous) return;
  for (const std::size_t b : group.of_b) state.is_candidate[b] = true;
  name_surplus(state, group);
}

// Replaced: another device at a place where one was.
void pair_replaced(State& state, Kind kind) {
  const AtPlace at_b = open_at_places(state, Identities::Now, kind);
  for (const auto& [place, a] : open_at_places(state, Identities::Before, kind)) {
    const std::size_t b = at_place_of(at_b, place);
    if (a == kNone || b == kNone) continue;
    if (could_be(state, a, b)) continue;  // in a group with others: never guessed
    Match match;
    match.verdict = Verdict::Replaced;
    match.b = b;
    match.reason = reason_of_difference(state, a, b);
    state.pair(a, b, Proof::None);
    state.decide(a, std::move(match));
  }
}

struct Above {
  std::size_t a = kNone;
  std::size_t b = kNone;
};

// The nearest device above that seems to be there. Nothing when another one is at its place.
Above present_ancestor(const State& state, std::size_t a) {
  for (std::size_t at = state.topology_a.parent[a]; at != kNone; at = state.topology_a.parent[at]) {
    const Match& match = state.matches[at];
    if (state.decided[at] && match.verdict == Verdict::Ambiguous && match.looks_alike)
      return {at, match.candidates.front()};
    if (state.to_b[at] != kNone)
      return match.verdict == Verdict::Replaced ? Above{} : Above{at, state.to_b[at]};
  }
  return {};
}

// A device that was found through a driver cannot be there without that driver. Bridges need no driver:
// devices behind them are found without one.
bool driver_is_missing(const State& state, std::size_t absent, const Above& above) {
  const Device& was = state.a.devices[above.a];
  if (state.b.devices[above.b].find_state("driver") != nullptr || is_only_a_place(was)) return false;
  return was.find_state("driver") != nullptr ||
         (was.kind == Kind::Pci && state.a.devices[absent].kind != Kind::Pci);
}

}  // namespace

void match_by_model(State& state, std::span<const Kind> kinds) {
  for (const Kind kind : kinds) {
    pair_mere_places(state, kind);
    const AtPlace at_b = open_at_places(state, Identities::Now, kind);
    for (const Group& group : Groups(state, kind).take()) decide_group(state, group, at_b);
    pair_replaced(state, kind);
  }
}

void settle_absent(State& state) {
  for (const std::size_t a : state.topology_a.by_depth) {
    if (!state.is_open_a(a)) continue;
    Match match;
    match.verdict = Verdict::Absent;
    match.reason = reason_of_absence(state, a);
    const Above above = present_ancestor(state, a);
    if (above.a != kNone && driver_is_missing(state, a, above)) {
      match.verdict = Verdict::UnknownDriver;
      match.reason = missing_driver(state.b.devices[above.b], state.a.devices[above.a]);
    }
    state.decide(a, std::move(match));
  }
}

}  // namespace hib::device
