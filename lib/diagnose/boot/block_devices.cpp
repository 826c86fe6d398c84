#include "lib/diagnose/boot/block_devices.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::diagnose::boot {
namespace {

using device::Tree;

constexpr std::size_t kMaxDevices = 4096;
constexpr std::size_t kMaxStack = 64;
constexpr std::size_t kSectorBytes = 512;

struct Tag {
  const char* spelled;
  const char* fact;    // libblkid's name
  const char* folder;  // below /dev/disk
};
constexpr std::array<Tag, 4> kTags = {{{"UUID=", "UUID", "by-uuid"},
                                       {"PARTUUID=", "PART_ENTRY_UUID", "by-partuuid"},
                                       {"LABEL=", "LABEL", "by-label"},
                                       {"PARTLABEL=", "PART_ENTRY_NAME", "by-partlabel"}}};

std::string base_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::uint64_t number_in(const std::string& text) {
  constexpr std::size_t kMostDigits = 18;
  if (text.empty() || text.size() > kMostDigits || text.find_first_not_of("0123456789") != std::string::npos)
    return 0;
  return std::stoull(text);
}

BlockDevice read_block_device(const Tree& tree, const std::string& name) {
  const std::string folder = "/sys/class/block/" + name;
  BlockDevice device;
  device.name = name;
  device.number = tree.read_line(folder + "/dev").text;
  device.mapped_name = tree.read_line(folder + "/dm/name").text;
  device.dm_uuid = tree.read_line(folder + "/dm/uuid").text;
  device.bytes = number_in(tree.read_line(folder + "/size").text) * kSectorBytes;
  device.is_removable = tree.read_line(folder + "/removable").text == "1";
  device.below = tree.list(folder + "/slaves");
  if (const auto real = tree.resolve(folder)) {
    if (real->find("/usb") != std::string::npos) device.bus = "usb";
    if (tree.exists(folder + "/partition"))
      device.below.push_back(base_of(real->substr(0, real->rfind('/'))));
  }
  // An empty device takes no part: loop devices and readers without a card.
  if (device.bytes != 0) device.facts = tree.block_facts(name, device.why_no_facts);
  return device;
}

bool equal_ignoring_case(const std::string& a, const std::string& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
    return lower(x) == lower(y);
  });
}

// udev's spelling of what a file name cannot hold: "my swap" -> "my\x20swap".
std::string unescaped_link(const std::string& name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool is_escape = name.compare(i, 2, "\\x") == 0 && i + 3 < name.size() &&
                           std::isxdigit(static_cast<unsigned char>(name[i + 2])) != 0 &&
                           std::isxdigit(static_cast<unsigned char>(name[i + 3])) != 0;
    if (is_escape) {
      out += static_cast<char>(std::stoul(name.substr(i + 2, 2), nullptr, 16));
      i += 3;
    } else {
      out += name[i];
    }
  }
  return out;
}

void read_links(const Tree& tree, const std::string& folder, std::map<std::string, std::string>& links) {
  for (const std::string& name : tree.list(folder)) {
    const auto target = tree.link(folder + "/" + name);
    if (target) links.emplace(folder + "/" + unescaped_link(name), base_of(*target));
  }
}

}  // namespace

const std::string& BlockDevice::fact(const std::string& key) const {
  static const std::string none;
  const auto found = facts.find(key);
  return found == facts.end() ? none : found->second;
}

BlockDevices BlockDevices::read(const Tree& tree) {
  BlockDevices set;
  if (!tree.is_live()) set.why_none_ = "the tree has no devices (capture it with hibtool probe --capture)";
  for (const std::string& name : tree.list("/sys/class/block")) {
    if (set.devices_.size() == kMaxDevices) break;
    set.devices_.push_back(read_block_device(tree, name));
  }
  read_links(tree, "/dev/mapper", set.links_);
  for (const Tag& tag : kTags) read_links(tree, fmt::format("/dev/disk/{}", tag.folder), set.links_);
  read_links(tree, "/dev/disk/by-id", set.links_);
  read_links(tree, "/dev/disk/by-path", set.links_);
  return set;
}

const BlockDevice* BlockDevices::by_name(const std::string& name) const {
  const auto found = std::find_if(devices_.begin(), devices_.end(),
                                  [&](const BlockDevice& device) { return device.name == name; });
  return found == devices_.end() ? nullptr : &*found;
}

const BlockDevice* BlockDevices::by_number(const std::string& number) const {
  if (number.empty()) return nullptr;
  const auto found = std::find_if(devices_.begin(), devices_.end(),
                                  [&](const BlockDevice& device) { return device.number == number; });
  return found == devices_.end() ? nullptr : &*found;
}

const BlockDevice* BlockDevices::by_path(const std::string& path) const {
  if (const auto link = links_.find(path); link != links_.end()) return by_name(link->second);
  if (!path.starts_with("/dev/")) return nullptr;
  const std::string rest = path.substr(5);
  if (const BlockDevice* device = by_name(rest)) return device;
  // /dev/mapper/vg-lv and /dev/vg/lv: a dash in a name of LVM is doubled.
  std::string mapped = rest.starts_with("mapper/") ? rest.substr(7) : "";
  if (const std::size_t slash = rest.find('/'); mapped.empty() && slash != std::string::npos) {
    const auto doubled = [](const std::string& text) {
      std::string out;
      for (const char c : text) out += c == '-' ? std::string("--") : std::string(1, c);
      return out;
    };
    mapped = doubled(rest.substr(0, slash)) + "-" + doubled(rest.substr(slash + 1));
  }
  const auto found = std::find_if(devices_.begin(), devices_.end(), [&](const BlockDevice& device) {
    return !mapped.empty() && device.mapped_name == mapped;
  });
  return found == devices_.end() ? nullptr : &*found;
}

Resolved BlockDevices::resolve_tag(const std::string& tag, const std::string& value) const {
  const auto known =
      std::find_if(kTags.begin(), kTags.end(), [&](const Tag& each) { return tag == each.spelled; });
  if (known == kTags.end()) return {Match::Unknown, {}, false, tag + " is not looked up here"};
  std::set<std::string> names;
  std::string unread;  // the first that could not be read, and why
  for (const BlockDevice& device : devices_) {
    if (equal_ignoring_case(device.fact(known->fact), value)) names.insert(device.name);
    if (unread.empty() && !device.why_no_facts.empty()) unread = device.name + ": " + device.why_no_facts;
  }
  const std::string folder = fmt::format("/dev/disk/{}/", known->folder);
  for (const auto& [path, name] : links_) {
    if (path.starts_with(folder) && equal_ignoring_case(path.substr(folder.size()), value))
      names.insert(name);
  }
  Resolved resolved;
  resolved.names.assign(names.begin(), names.end());
  if (names.size() == 1) {
    resolved.match = Match::One;
  } else if (names.size() > 1) {
    resolved.match = Match::Several;
  } else if (!unread.empty()) {
    resolved.why = "not every device could be read: " + unread;
  } else {
    resolved.match = Match::None;
    resolved.why = "no device here has it";
  }
  return resolved;
}

Resolved BlockDevices::resolve(const std::string& spec) const {
  if (!is_known()) return {Match::Unknown, {}, is_unstable_name(spec), why_none_};
  if (const std::size_t equals = spec.find('='); equals != std::string::npos && spec.front() != '/')
    return resolve_tag(spec.substr(0, equals + 1), spec.substr(equals + 1));
  Resolved resolved;
  resolved.is_unstable = is_unstable_name(spec);
  const BlockDevice* device = spec.starts_with("/") ? by_path(spec) : by_number(spec);
  if (device != nullptr) {
    resolved.match = Match::One;
    resolved.names = {device->name};
    return resolved;
  }
  resolved.match = Match::None;
  resolved.why =
      spec == "/dev/root" ? "/dev/root is no device, only a word for one" : "there is no such device";
  return resolved;
}

std::vector<const BlockDevice*> BlockDevices::stack_of(const BlockDevice& device) const {
  std::vector<const BlockDevice*> stack = {&device};
  for (std::size_t i = 0; i < stack.size() && stack.size() < kMaxStack; ++i) {
    for (const std::string& name : stack[i]->below) {
      const BlockDevice* below = by_name(name);
      if (below != nullptr && std::find(stack.begin(), stack.end(), below) == stack.end())
        stack.push_back(below);
    }
  }
  return stack;
}

bool is_unstable_name(const std::string& spec) {
  if (!spec.empty() && spec.front() >= '0' && spec.front() <= '9') return true;
  if (!spec.starts_with("/dev/") || spec.find('/', 5) != std::string::npos) return false;
  const std::string name = spec.substr(5);
  for (const std::string_view prefix : {"sd", "hd", "vd", "xvd", "nvme", "mmcblk", "dm-", "md", "loop"}) {
    if (name.starts_with(prefix) && name.size() > prefix.size()) return true;
  }
  return false;
}

}  // namespace hib::diagnose::boot
