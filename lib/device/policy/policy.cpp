#include "lib/device/policy/policy.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "lib/device/match/state.h"
#include "lib/device/policy/paths.h"

namespace hib::device {
namespace {

constexpr std::size_t kShownValueBytes = 160;
constexpr std::string_view kWritten = "written";  // what the marks say

std::vector<std::string> mount_points(const Device& device) {
  std::vector<std::string> points;
  for (const Value& value : device.state) {
    if (value.name == "mount" && value.presence == Presence::Present) points.push_back(value.text);
  }
  return points;
}

// Whether mounts may write to the file system: not when its superblock is read-only. True when that is
// unknown.
bool is_writable(const Device& device) {
  const Value* options = device.find_state("super-options");
  return options == nullptr || ("," + options->text + ",").find(",ro,") == std::string::npos;
}

std::vector<Use> own_uses(const Device& device) {
  std::vector<Use> uses;
  if (const auto points = mount_points(device); device.kind == Kind::FileSystem && !points.empty()) {
    const Value* type = device.find_identity("type");
    uses.push_back({fmt::format("{} mounted at {}", type == nullptr ? "file system" : type->text,
                                fmt::join(points, ", "))
                        .substr(0, kShownValueBytes),
                    is_writable(device)});
  }
  if (const Value* in_use = device.find_state("in-use"); device.kind == Kind::Swap && in_use != nullptr)
    uses.push_back({"swap", true});
  if (device.find_state("image") != nullptr) uses.push_back({"the image", true});
  return uses;
}

// A use of a device is a use of all devices below it. Each device takes a use once and at most kMaxUses of
// them, which bounds the walk.
class Uses {
 public:
  Uses(const DeviceSet& set, const Topology& topology, const SparePaths& spare)
      : topology_(topology), spare_(spare), of_(set.devices.size()) {
    for (std::size_t i = 0; i < set.devices.size(); ++i) {
      if (set.devices[i].kind == Kind::FileSystem && topology.hosts_of(i).empty())
        continue;  // tmpfs, NFS: on no device
      for (Use& use : own_uses(set.devices[i])) add(i, use);
    }
    // dm and md write to their members even when nothing uses them.
    for (std::size_t i = 0; i < set.devices.size(); ++i) {
      const bool is_stack = set.devices[i].kind == Kind::Mapped || set.devices[i].kind == Kind::Raid;
      if (is_stack && of_[i].empty()) add(i, {"part of " + label(set.devices[i]), true});
    }
  }
  std::vector<std::vector<Use>> take() { return std::move(of_); }

 private:
  void add(std::size_t device, const Use& use) {
    std::vector<std::size_t> open{device};
    while (!open.empty()) {
      const std::size_t at = open.back();
      open.pop_back();
      auto& uses = of_[at];
      if (uses.size() == kMaxUses ||
          std::any_of(uses.begin(), uses.end(), [&](const Use& other) { return other.what == use.what; }))
        continue;
      uses.push_back(use);
      for (const std::size_t host : topology_.hosts_of(at)) {
        if (!spare_.contains({at, host})) open.push_back(host);
      }
    }
  }

  const Topology& topology_;
  const SparePaths& spare_;
  std::vector<std::vector<Use>> of_;
};

std::string joined(const std::vector<Use>& uses) {
  std::string text;
  for (const Use& use : uses) text += (text.empty() ? "" : ", ") + use.what;
  return text;
}

// "serial S1, wwn W1, at p1"
std::string described(const Device& device) {
  std::string text;
  for (const Value& value : device.identity) {
    if (value.strength != Strength::Strong || value.presence == Presence::Absent ||
        text.size() > kShownValueBytes)
      continue;
    text += (text.empty() ? "" : ", ") + value.name + " " +
            (value.presence == Presence::Unreadable ? "unreadable" : value.text.substr(0, kShownValueBytes));
  }
  if (text.empty()) text = "no key";
  const Value* place = device.find_identity(kPlace);
  return place == nullptr ? text : text + ", at " + place->text.substr(0, kShownValueBytes);
}

// The content of two devices is the same: at least one key is equal, and none differs.
bool content_is_equal(const Device& a, const Device& b) {
  bool equal = false;
  for (const Value& value : a.identity) {
    if (value.presence != Presence::Present || value.strength != Strength::Strong ||
        value.name.rfind(kContentPrefix, 0) != 0)
      continue;
    const auto is_it = [&](const Value& other) {
      return other.name == value.name && other.presence == Presence::Present && other.text == value.text;
    };
    if (std::any_of(b.identity.begin(), b.identity.end(), is_it)) {
      equal = true;
    } else {
      return false;
    }
  }
  return equal;
}

bool same_place(const Device& a, const Device& b) {
  const Value* in_a = a.find_identity(kPlace);
  const Value* in_b = b.find_identity(kPlace);
  return in_a != nullptr && in_b != nullptr && in_a->text == in_b->text;
}

class Check {
 public:
  Check(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
        std::uint64_t snapshot_ns, const std::vector<std::string>& accepted)
      : saved_(saved),
        here_(here),
        comparison_(comparison),
        snapshot_ns_(snapshot_ns),
        accepted_(accepted),
        topology_a_(saved),
        topology_b_(here),
        trouble_(saved.devices.size(), Trouble::None) {
    for (std::size_t i = 0; i < comparison.matches.size(); ++i) {
      if (comparison.matches[i].a) match_of_[*comparison.matches[i].a] = i;
    }
  }

  // Only the lowest device that is not all right is a cause. Accepting it covers everything on it, but not a
  // file system that was written since: that is a cause of its own.
  std::vector<Refusal> run() {
    const SparePaths spare = spare_paths(saved_, here_, comparison_, topology_a_);
    const auto uses = Uses(saved_, topology_a_, spare).take();
    for (const std::size_t a : lowest_first()) {
      trouble_[a] = trouble_below(a);
      if (uses[a].empty()) continue;
      if (trouble_[a] == Trouble::None && !is_all_right(a)) trouble_[a] = report(refusal(a, joined(uses[a])));
      if (trouble_[a] != Trouble::Refused && saved_.devices[a].kind == Kind::FileSystem)
        check_marks(a, uses[a]);
    }
    std::sort(refusals_.begin(), refusals_.end(),
              [](const Refusal& x, const Refusal& y) { return x.device < y.device; });
    return std::move(refusals_);
  }

 private:
  enum class Trouble : std::uint8_t { None, Accepted, Refused };

  Trouble trouble_below(std::size_t a) const {
    Trouble worst = Trouble::None;
    for (const std::size_t host : topology_a_.hosts_of(a)) worst = std::max(worst, trouble_[host]);
    return worst;
  }

  Trouble report(Refusal refusal) {
    refusal.override_token = token_name(refusal.name) + "=" + refusal.verdict;
    refusal.accepted =
        std::find(accepted_.begin(), accepted_.end(), refusal.override_token) != accepted_.end();
    refusals_.push_back(std::move(refusal));
    return refusals_.back().accepted ? Trouble::Accepted : Trouble::Refused;
  }

  // Every device comes after all of its hosts. This is not the order of depth: members may be deeper than the
  // parent.
  std::vector<std::size_t> lowest_first() const {
    std::vector<std::size_t> order;
    std::vector<char> seen(saved_.devices.size(), 0);
    std::vector<std::pair<std::size_t, bool>> open;
    for (const std::size_t start : topology_a_.by_depth) {
      open.emplace_back(start, false);
      while (!open.empty()) {
        const auto [at, hosts_done] = open.back();
        open.pop_back();
        if (hosts_done) {
          order.push_back(at);
          continue;
        }
        if (seen[at] != 0) continue;
        seen[at] = 1;
        open.emplace_back(at, true);
        for (const std::size_t host : topology_a_.hosts_of(at)) open.emplace_back(host, false);
      }
    }
    return order;
  }

  const Match& match_of(std::size_t a) const { return comparison_.matches[match_of_.at(a)]; }

  std::size_t partner(std::size_t a) const {
    const Match& match = match_of(a);
    if (match.verdict == Verdict::Ambiguous && match.looks_alike) return match.candidates.front();
    return match.verdict == Verdict::Replaced || !match.b ? kNone : *match.b;
  }

  // The partners of all its hosts are hosts of its partner.
  bool moved_with_hosts(std::size_t a, std::size_t b) const {
    const auto there = topology_b_.hosts_of(b);
    const auto hosts = topology_a_.hosts_of(a);
    return !hosts.empty() && std::all_of(hosts.begin(), hosts.end(), [&](std::size_t host) {
      const std::size_t in_b = partner(host);
      return in_b != kNone && std::find(there.begin(), there.end(), in_b) != there.end();
    });
  }

  bool may_have_moved(std::size_t a, std::size_t b) const {
    const Device& device = saved_.devices[a];
    if (device.kind == Kind::FireWire || device.kind == Kind::Thunderbolt) return true;
    if (is_content_only(device.kind)) return moved_with_hosts(a, b);
    const std::size_t host = topology_a_.parent[a];
    if (host == kNone || !moved_with_hosts(a, b)) return false;
    return match_of(host).verdict == Verdict::Moved && trouble_[host] == Trouble::None;
  }

  bool is_proven_otherwise(std::size_t a) const {
    const std::size_t b = partner(a);
    if (b == kNone) return false;
    const Device& was = saved_.devices[a];
    switch (was.kind) {
      case Kind::Pci:
      case Kind::Usb: return true;
      case Kind::Disk:
      case Kind::Partition:
        return same_place(was, here_.devices[b]) && content_is_equal(was, here_.devices[b]);
      case Kind::Mapped:
      case Kind::Raid:
      case Kind::Loop: return moved_with_hosts(a, b);
      case Kind::FireWire:
      case Kind::Thunderbolt:
      case Kind::Net:
      case Kind::FileSystem:
      case Kind::Swap: return false;
    }
    return false;
  }

  bool is_all_right(std::size_t a) const {
    if (match_of_.find(a) == match_of_.end()) return false;
    const Match& match = match_of(a);
    const Kind kind = saved_.devices[a].kind;
    switch (match.verdict) {
      case Verdict::Same: return true;
      case Verdict::Moved: return match.b && may_have_moved(a, *match.b);
      case Verdict::Absent:
        return (kind == Kind::Mapped || kind == Kind::Raid || kind == Kind::Loop) &&
               !topology_a_.hosts_of(a).empty();
      case Verdict::Ambiguous:
      case Verdict::Unproven: return is_proven_otherwise(a);
      case Verdict::Replaced:
      case Verdict::UnknownDriver:
      case Verdict::New: return false;
    }
    return false;
  }

  // It lies on a volume that the saved machine had set up and this kernel has not, so it could not be read.
  bool could_not_be_read(std::size_t a) const {
    const auto hosts = topology_a_.hosts_of(a);
    return match_of(a).verdict == Verdict::Absent &&
           std::any_of(hosts.begin(), hosts.end(),
                       [&](std::size_t host) { return match_of(host).verdict == Verdict::Absent; });
  }

  std::string shown_name(std::size_t a) const {
    const Device& device = saved_.devices[a];
    const auto points = mount_points(device);
    if (device.kind == Kind::FileSystem && !points.empty()) return points.front();
    return device.name.empty() ? device.path : device.name;
  }

  Refusal refusal(std::size_t a, std::string uses) const {
    const Device& device = saved_.devices[a];
    Refusal out;
    out.device = a;
    out.name = shown_name(a);
    out.uses = std::move(uses);
    out.expected = described(device);
    if (match_of_.find(a) == match_of_.end()) {
      out.found = "nothing, it was not compared";
      out.verdict = name_of(Verdict::Unproven);
      return out;
    }
    const Match& match = match_of(a);
    const bool unreadable = could_not_be_read(a);
    out.found = match.verdict == Verdict::Replaced || match.verdict == Verdict::Moved
                    ? described(here_.devices[*match.b]) + " (" + match.reason + ")"
                    : match.reason;
    if (unreadable) out.found = "what it lies on is not set up here";
    out.verdict = name_of(unreadable ? Verdict::Unproven : match.verdict);
    return out;
  }

  void check_marks(std::size_t a, const std::vector<Use>& uses) {
    const Device& device = saved_.devices[a];
    const std::size_t b = partner(a);
    if (b == kNone || mount_points(device).empty()) return;
    const fs::WrittenSince verdict = compare_marks(device, here_.devices[b], snapshot_ns_);
    if (verdict.since == fs::Since::Untouched ||
        (verdict.since == fs::Since::Unproven && !is_writable(device)))
      return;
    Refusal out;
    out.device = a;
    out.name = shown_name(a);
    out.uses = joined(uses);
    out.expected = verdict.expected;
    out.found = (verdict.since == fs::Since::Written ? "written since: "
                                                     : "cannot be told whether it was written since: ") +
                verdict.found;
    out.verdict = verdict.since == fs::Since::Written ? kWritten : name_of(Verdict::Unproven);
    static_cast<void>(report(std::move(out)));
  }

  const DeviceSet& saved_;
  const DeviceSet& here_;
  const Comparison& comparison_;
  std::uint64_t snapshot_ns_;
  const std::vector<std::string>& accepted_;
  Topology topology_a_;
  Topology topology_b_;
  std::vector<Trouble> trouble_;
  std::vector<Refusal> refusals_;
  std::unordered_map<std::size_t, std::size_t> match_of_;
};

}  // namespace

std::vector<std::vector<Use>> critical_uses(const DeviceSet& set) {
  return Uses(set, Topology(set), {}).take();
}

std::vector<std::string> refused_verdicts() {
  std::vector<std::string> verdicts;
  for (const Verdict verdict : {Verdict::Moved, Verdict::Replaced, Verdict::Absent, Verdict::Ambiguous,
                                Verdict::Unproven, Verdict::UnknownDriver})
    verdicts.emplace_back(name_of(verdict));
  verdicts.emplace_back(kWritten);
  return verdicts;
}

std::string token_name(const std::string& name) {
  std::string token;
  for (const char c : name) {
    const bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                       std::string_view("._/:-").find(c) != std::string_view::npos;
    token += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return token;
}

std::vector<Refusal> check(const DeviceSet& saved, const DeviceSet& here, const Comparison& comparison,
                           std::uint64_t snapshot_ns, const std::vector<std::string>& accepted) {
  return Check(saved, here, comparison, snapshot_ns, accepted).run();
}

}  // namespace hib::device
