// The identities of two sets of devices as numbers that can be compared: equal values of one kind, name and
// rank have the same number on both sides, and for each it is known how often it occurs on which side.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "lib/device/device.h"

namespace hib::device {

enum class Rank : std::uint8_t {
  Hardware,  // strong: what the device is
  Content,   // strong, "content.…": what lies on it; a copy has it too
  Medium,
};
inline constexpr std::size_t kRanks = 3;

inline constexpr std::string_view kContentPrefix = "content.";

// Kinds that are nothing but content of other devices: file systems, swap, dm, md. Their place is the devices
// that they lie on.
constexpr bool is_content_only(Kind kind) {
  return kind == Kind::FileSystem || kind == Kind::Swap || kind == Kind::Mapped || kind == Kind::Raid;
}

// Whether a value counts, and as what.
std::optional<Rank> rank_of(Kind kind, const Value& value);

struct Key {
  std::uint32_t name = 0;   // of rank and name
  std::uint32_t value = 0;  // of kind, rank, name and text
};

struct Identity {
  std::array<std::vector<Key>, kRanks> keys;  // by rank; ascending, none twice
  std::vector<std::uint32_t> unknown;         // names of values that could not be read, ascending
  bool hardware_unknown = false;              // one of those is of rank Hardware

  const std::vector<Key>& of(Rank rank) const { return keys[static_cast<std::size_t>(rank)]; }
  bool is_unknown(std::uint32_t name) const;
};

// The name of a value that proves two devices different.
struct Difference {
  Rank rank = Rank::Hardware;
  std::uint32_t name = 0;
};

inline constexpr std::size_t kNone = ~std::size_t{0};

class Identities {
 public:
  enum Side : std::uint8_t { Before, Now };

  Identities(const DeviceSet& a, const DeviceSet& b);

  const Identity& of(Side side, std::size_t index) const { return sides_[side][index]; }
  const std::string& name(std::uint32_t number) const { return names_[number]; }

  // At most one device on each side has it: it can tell devices apart.
  bool is_usable(std::uint32_t value) const {
    return uses_[value].count[Before] <= 1 && uses_[value].count[Now] <= 1;
  }
  // How many devices of a side have it.
  std::uint32_t uses(Side side, std::uint32_t value) const { return uses_[value].count[side]; }
  // The only device of the other side that has it, when only one has it on this one; kNone otherwise.
  std::size_t partner(Side of, std::uint32_t value) const;
  bool has_usable_hardware(Side side, std::size_t index) const;

  // Nothing when they could be the same device. What is unreadable on a side differs from nothing.
  std::optional<Difference> difference(std::size_t a, std::size_t b) const;
  // Only where both have a value of the name.
  std::optional<Difference> contradiction(std::size_t a, std::size_t b, Rank rank) const;
  // Some device of the kind, on either side, has a value of the name that could not be read.
  bool is_unreadable_somewhere(Kind kind, std::uint32_t name) const {
    return unreadable_.count({kind, name}) != 0;
  }
  // Only their content can decide: neither has, or may have, a usable hardware key.
  bool content_decides(std::size_t a, std::size_t b) const;

 private:
  struct Use {
    std::array<std::uint32_t, 2> count{};
    std::array<std::size_t, 2> last{};
  };

  Identity identity_of(Side side, const Device& device, std::size_t index);
  std::uint32_t name_number(Rank rank, const std::string& name);
  std::uint32_t value_number(const Device& device, Rank rank, const Value& value);
  std::optional<Difference> missing_on_a_side(std::size_t a, std::size_t b, Rank rank) const;

  std::array<std::vector<Identity>, 2> sides_;
  std::vector<std::string> names_;
  std::vector<Use> uses_;
  std::set<std::pair<Kind, std::uint32_t>> unreadable_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
  std::unordered_map<std::string, std::uint32_t> value_numbers_;
};

}  // namespace hib::device
