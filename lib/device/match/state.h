// What the steps of a comparison share (match.cpp has their order). `a` is the set before, `b` the set now.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lib/device/match/identity.h"
#include "lib/device/match/match.h"

namespace hib::device {

inline constexpr std::array kContents = {Kind::FileSystem, Kind::Swap};

// Who hangs on whom, as indexes. Paths that lead nowhere, and circles, are left out.
struct Topology {
  explicit Topology(const DeviceSet& set);

  std::vector<std::size_t> parent;  // kNone at the top
  std::vector<std::vector<std::size_t>> children;
  std::vector<std::vector<std::size_t>> members;  // of those that have several; the parent is one of them
  std::vector<std::size_t> by_depth;              // every device, parents before children

  // All that a device lies on: its members and its parent, each once.
  std::vector<std::size_t> hosts_of(std::size_t device) const;
};

// Why two devices are one.
enum class Proof : std::uint8_t {
  None,
  Hardware,  // equal hardware keys
  Path,      // equal hardware keys, which other paths to the same unit have too
  Content,   // equal content, and no hardware key on either side
  Host,  // it lies on a device that is proven, at the same place, with the same content as far as it has any
  Children,  // a device that is proven hangs on it
  Weak,      // nothing but model and place
};

struct State {
  State(const DeviceSet& set_a, const DeviceSet& set_b);

  const DeviceSet& a;
  const DeviceSet& b;
  Identities identities;
  Topology topology_a;
  Topology topology_b;
  std::vector<std::size_t> to_b;  // by index into a: which device of b it is, or which one replaces it; kNone
  std::vector<std::size_t> to_a;
  std::vector<Proof> proof;            // by index into a, of a pair in to_b
  std::vector<Match> matches;          // by index into a
  std::vector<bool> decided;           // by index into a: its match is final
  std::vector<bool> is_candidate;      // by index into b: of an ambiguous device of a
  std::vector<Match> only_b;           // Ambiguous ones without a device of a
  std::vector<std::uint32_t> place_a;  // numbers of (kind, place), equal for equal places; 0: not known
  std::vector<std::uint32_t> place_b;
  std::vector<std::size_t>
      paths_a;  // by index into a, for multipath volumes whose paths are linked: the volume of b; else kNone
  std::vector<std::size_t> paths_b;  // by index into b: itself, or kNone

  void pair(std::size_t in_a, std::size_t in_b, Proof how) {
    to_b[in_a] = in_b;
    to_a[in_b] = in_a;
    proof[in_a] = how;
  }
  void decide(std::size_t in_a, Match match) {
    match.a = in_a;
    matches[in_a] = std::move(match);
    decided[in_a] = true;
  }
  bool is_open_a(std::size_t in_a) const { return to_b[in_a] == kNone && !decided[in_a]; }
  bool is_open_b(std::size_t in_b) const { return to_a[in_b] == kNone && !is_candidate[in_b]; }
  bool is_proven(std::size_t in_a) const {
    return to_b[in_a] != kNone && proof[in_a] != Proof::None && proof[in_a] != Proof::Weak;
  }

  // A place as a number, for place_a and place_b.
  std::uint32_t place_number(Kind kind, const std::string& text);

 private:
  std::unordered_map<std::string, std::uint32_t> place_numbers_;
};

// links.cpp: pairs that keys prove, strongest first.
void link_by_keys(State& state);
// A partition is a part of a disk. On another disk it is another partition, whatever its content.
bool hosts_differ(const State& state, std::size_t a, std::size_t b);
void prove_by_children(State& state);
// Pairs of devices that are content only (is_content_only), as soon as the devices below them are decided:
// the content is equal, and so is the device below. Returns whether there were any.
bool link_by_host(State& state, std::span<const Kind> kinds);

// paths.cpp: the paths of multipath volumes that are on both sides, and which of them came or went.
inline constexpr std::string_view kDmUuid = "dm-uuid";
bool is_multipath(const Device& device);
void link_paths(State& state);

// rest.cpp: devices of these kinds for which no key decides, and what is left at the end.
void match_by_model(State& state, std::span<const Kind> kinds);
void settle_absent(State& state);

// text.cpp: what people read.
std::string label(const Device& device);  // "disk sda"
std::string reason_of_pair(const State& state, std::size_t a, Verdict verdict);
std::string reason_of_difference(const State& state, std::size_t a, std::size_t b);
std::string reason_of_absence(const State& state, std::size_t a);
std::string missing_driver(const Device& there, const Device& was);

}  // namespace hib::device
