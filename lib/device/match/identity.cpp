#include "lib/device/match/identity.h"

#include <algorithm>

namespace hib::device {
namespace {

bool shares_none(const std::vector<Key>& a, std::size_t a_end, std::size_t& i, const std::vector<Key>& b,
                 std::size_t b_end, std::size_t& j) {
  bool shares = false;
  for (std::size_t x = i; x < a_end; ++x) {
    for (std::size_t y = j; y < b_end && !shares; ++y) shares = a[x].value == b[y].value;
  }
  i = a_end;
  j = b_end;
  return !shares;
}

std::size_t end_of_name(const std::vector<Key>& keys, std::size_t from) {
  std::size_t end = from;
  while (end < keys.size() && keys[end].name == keys[from].name) ++end;
  return end;
}

}  // namespace

std::optional<Rank> rank_of(Kind kind, const Value& value) {
  if (value.strength == Strength::Place) return std::nullopt;
  if (value.strength == Strength::Medium) return Rank::Medium;
  const bool is_content = std::string_view(value.name).substr(0, kContentPrefix.size()) == kContentPrefix;
  return is_content && !is_content_only(kind) ? Rank::Content : Rank::Hardware;
}

bool Identity::is_unknown(std::uint32_t name) const {
  return std::binary_search(unknown.begin(), unknown.end(), name);
}

Identities::Identities(const DeviceSet& a, const DeviceSet& b) {
  for (const Side side : {Before, Now}) {
    const std::vector<Device>& devices = side == Before ? a.devices : b.devices;
    sides_[side].reserve(devices.size());
    for (std::size_t i = 0; i < devices.size(); ++i) sides_[side].push_back(identity_of(side, devices[i], i));
  }
}

Identity Identities::identity_of(Side side, const Device& device, std::size_t index) {
  Identity identity;
  for (const Value& value : device.identity) {
    const auto rank = rank_of(device.kind, value);
    if (!rank || value.presence == Presence::Absent) continue;
    const std::uint32_t name = name_number(*rank, value.name);
    if (value.presence == Presence::Unreadable) {
      identity.unknown.push_back(name);
      unreadable_.insert({device.kind, name});
      identity.hardware_unknown = identity.hardware_unknown || *rank == Rank::Hardware;
    } else if (!value.text.empty()) {
      identity.keys[static_cast<std::size_t>(*rank)].push_back({name, value_number(device, *rank, value)});
    }
  }
  std::sort(identity.unknown.begin(), identity.unknown.end());
  for (auto& keys : identity.keys) {
    std::sort(keys.begin(), keys.end(), [](const Key& x, const Key& y) {
      return x.name != y.name ? x.name < y.name : x.value < y.value;
    });
    keys.erase(
        std::unique(keys.begin(), keys.end(), [](const Key& x, const Key& y) { return x.value == y.value; }),
        keys.end());
    for (const Key& key : keys) {
      ++uses_[key.value].count[side];
      uses_[key.value].last[side] = index;
    }
  }
  return identity;
}

std::uint32_t Identities::name_number(Rank rank, const std::string& name) {
  const auto [it, is_new] = name_numbers_.emplace(std::to_string(static_cast<int>(rank)) + name,
                                                  static_cast<std::uint32_t>(names_.size()));
  if (is_new) names_.push_back(name);
  return it->second;
}

std::uint32_t Identities::value_number(const Device& device, Rank rank, const Value& value) {
  std::string key;
  key += static_cast<char>('a' + static_cast<int>(device.kind));
  key += static_cast<char>('0' + static_cast<int>(rank));
  key += value.name;
  key += '\0';
  key += value.text;
  const auto [it, is_new] = value_numbers_.emplace(std::move(key), static_cast<std::uint32_t>(uses_.size()));
  if (is_new) uses_.emplace_back();
  return it->second;
}

std::size_t Identities::partner(Side of, std::uint32_t value) const {
  const Use& use = uses_[value];
  return use.count[Before] == 1 && use.count[Now] == 1 ? use.last[of == Before ? Now : Before] : kNone;
}

bool Identities::has_usable_hardware(Side side, std::size_t index) const {
  const auto& keys = of(side, index).of(Rank::Hardware);
  return std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return is_usable(key.value); });
}

std::optional<Difference> Identities::contradiction(std::size_t a, std::size_t b, Rank rank) const {
  const auto& in_a = of(Before, a).of(rank);
  const auto& in_b = of(Now, b).of(rank);
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < in_a.size() && j < in_b.size()) {
    if (in_a[i].name < in_b[j].name) {
      ++i;
    } else if (in_b[j].name < in_a[i].name) {
      ++j;
    } else {
      const std::uint32_t name = in_a[i].name;
      if (shares_none(in_a, end_of_name(in_a, i), i, in_b, end_of_name(in_b, j), j))
        return Difference{rank, name};
    }
  }
  return std::nullopt;
}

// One has a value of the name, the other certainly none.
std::optional<Difference> Identities::missing_on_a_side(std::size_t a, std::size_t b, Rank rank) const {
  const auto lacks = [rank](const Identity& has, const Identity& other) -> std::optional<Difference> {
    const auto& there = other.of(rank);
    for (const Key& key : has.of(rank)) {
      const auto at = std::lower_bound(there.begin(), there.end(), key.name,
                                       [](const Key& x, std::uint32_t name) { return x.name < name; });
      if ((at == there.end() || at->name != key.name) && !other.is_unknown(key.name))
        return Difference{rank, key.name};
    }
    return std::nullopt;
  };
  if (const auto found = lacks(of(Before, a), of(Now, b))) return found;
  return lacks(of(Now, b), of(Before, a));
}

bool Identities::content_decides(std::size_t a, std::size_t b) const {
  return !of(Before, a).hardware_unknown && !of(Now, b).hardware_unknown && !has_usable_hardware(Before, a) &&
         !has_usable_hardware(Now, b);
}

std::optional<Difference> Identities::difference(std::size_t a, std::size_t b) const {
  const bool by_content = content_decides(a, b);
  for (const Rank rank : {Rank::Hardware, Rank::Content, Rank::Medium}) {
    if (rank == Rank::Content && !by_content) continue;
    if (const auto found = contradiction(a, b, rank)) return found;
  }
  for (const Rank rank : {Rank::Hardware, Rank::Content, Rank::Medium}) {
    if (rank == Rank::Content && !by_content) continue;
    if (const auto found = missing_on_a_side(a, b, rank)) return found;
  }
  return std::nullopt;
}

}  // namespace hib::device
