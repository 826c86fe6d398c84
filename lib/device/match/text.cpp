// Verdicts in words.
#include <algorithm>

#include <fmt/format.h>

#include "lib/device/match/state.h"

namespace hib::device {
namespace {

constexpr std::size_t kShownBytes = 80;

// The values of one name and rank: "SN-1", "none", "unreadable".
std::string values_of(const Device& device, Rank rank, const std::string& name) {
  std::string text;
  for (const Value& value : device.identity) {
    if (value.name != name || rank_of(device.kind, value) != rank || value.presence == Presence::Absent ||
        text.size() > kShownBytes)
      continue;
    text += (text.empty() ? "" : ", ") + (value.presence == Presence::Unreadable
                                              ? std::string("unreadable")
                                              : value.text.substr(0, kShownBytes));
  }
  return text.empty() ? "none" : text;
}

std::string place_of(const Device& device) {
  const Value* place = device.find_identity(kPlace);
  return place == nullptr ? "a place that is not known" : place->text.substr(0, kShownBytes);
}

// The first key that the pair, and no other device, has in common; or also one that others have.
std::string common_key(const State& state, std::size_t a, std::size_t b, Rank rank, bool others_too = false) {
  const auto& in_b = state.identities.of(Identities::Now, b).of(rank);
  for (const Key& key : state.identities.of(Identities::Before, a).of(rank)) {
    const bool there =
        std::any_of(in_b.begin(), in_b.end(), [&](const Key& other) { return other.value == key.value; });
    if (!there || (!others_too && !state.identities.is_usable(key.value))) continue;
    const std::string& name = state.identities.name(key.name);
    return fmt::format("{} {}", name, values_of(state.b.devices[b], rank, name));
  }
  return "";
}

std::string grounds(const State& state, std::size_t a) {
  const std::size_t b = state.to_b[a];
  switch (state.proof[a]) {
    case Proof::Hardware: return common_key(state, a, b, Rank::Hardware);
    case Proof::Path: return "a path to " + common_key(state, a, b, Rank::Hardware, true);
    case Proof::Content: return common_key(state, a, b, Rank::Content) + ", no hardware key";
    case Proof::Host: return "the same part of the device it lies on";
    case Proof::Children: return "what hangs on it is the same";
    case Proof::Weak: return "same model and place, no key proves it";
    case Proof::None: return "";
  }
  return "";
}

std::string where(const State& state, std::size_t a, Verdict verdict) {
  const Device& was = state.a.devices[a];
  const Device& is = state.b.devices[state.to_b[a]];
  if (verdict != Verdict::Moved)
    return state.place_a[a] == 0 ? ", its place is not recorded" : ", same place";
  if (!is_content_only(was.kind)) return fmt::format("; was at {}, is at {}", place_of(was), place_of(is));
  const std::size_t on_a = state.topology_a.parent[a];
  const std::size_t on_b = state.topology_b.parent[state.to_b[a]];
  if (on_a == kNone || on_b == kNone) return "; it lay elsewhere";
  return fmt::format("; was on {}, is on {}{}", label(state.a.devices[on_a]), label(state.b.devices[on_b]),
                     state.to_b[on_a] == on_b && state.proof[on_a] != Proof::None ? ", which has moved"
                                                                                  : ", another device");
}

}  // namespace

std::string label(const Device& device) {
  return fmt::format("{} {}", name_of(device.kind), device.name.empty() ? device.path : device.name);
}

std::string reason_of_pair(const State& state, std::size_t a, Verdict verdict) {
  const std::size_t b = state.to_b[a];
  std::string text = grounds(state, a);
  if (verdict != Verdict::Unproven) text += where(state, a, verdict);
  if (const auto changed = state.identities.contradiction(a, b, Rank::Content)) {
    const std::string& name = state.identities.name(changed->name);
    text += fmt::format("; partitioned or formatted anew: {} was {}, is {}", name,
                        values_of(state.a.devices[a], Rank::Content, name),
                        values_of(state.b.devices[b], Rank::Content, name));
  }
  return text;
}

std::string reason_of_difference(const State& state, std::size_t a, std::size_t b) {
  const auto difference = state.identities.difference(a, b);
  if (!difference) return "the same place on another disk";
  const std::string& name = state.identities.name(difference->name);
  return fmt::format("another device in its place: {} expected {}, found {}", name,
                     values_of(state.a.devices[a], difference->rank, name),
                     values_of(state.b.devices[b], difference->rank, name));
}

std::string reason_of_absence(const State& state, std::size_t a) {
  const auto& keys = state.identities.of(Identities::Before, a).of(Rank::Hardware);
  for (const Key& key : keys) {
    if (!state.identities.is_usable(key.value)) continue;
    const std::string& name = state.identities.name(key.name);
    return fmt::format("no device has {} {}", name, values_of(state.a.devices[a], Rank::Hardware, name));
  }
  return "no device could be it";
}

std::string missing_driver(const Device& there, const Device& was) {
  std::string needs;
  for (const auto& [device, name] : {std::pair(&there, "modules"), std::pair(&was, "module"),
                                     std::pair(&was, "driver"), std::pair(&there, "modalias")}) {
    const Value* value = device->find_state(name);
    if (value == nullptr || value->text.empty()) continue;
    needs = value->text.substr(0, kShownBytes);
    break;
  }
  return fmt::format("{} is there and has no driver{}", label(there),
                     needs.empty() ? "" : "; missing: " + needs);
}

}  // namespace hib::device
