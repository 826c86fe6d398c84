#include "lib/diagnose/boot/swap_areas.h"

#include <algorithm>
#include <array>

#include "lib/device/probe/mount_table.h"
#include "lib/diagnose/boot/config_text.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::size_t kMaxAreas = 256;
constexpr std::string_view kDeleted = " (deleted)";

std::uint64_t kib(const std::string& text) {
  constexpr std::size_t kMostDigits = 15;
  if (text.empty() || text.size() > kMostDigits || text.find_first_not_of("0123456789") != std::string::npos)
    return 0;
  return std::stoull(text) * 1024;
}

Evidence evidence_of(const std::string& path, const TextLine& line) {
  return {path, line.offset, "", std::nullopt, std::string(trimmed(line.text))};
}

// "/dev/dm-1  partition  8388604  0  -2"
std::vector<SwapArea> active_areas(const std::string& text) {
  std::vector<SwapArea> areas;
  const auto names = device::swaps_from_text(text);
  const auto lines = lines_of(text);
  for (std::size_t i = 1; i < lines.size() && areas.size() < std::min(names.size(), kMaxAreas); ++i) {
    const auto words = words_of(lines[i].text);
    if (words.size() < 5) continue;
    SwapArea area;
    area.name = names[areas.size()].name;
    area.is_file = names[areas.size()].is_file;
    if (area.is_file && area.name.ends_with(kDeleted)) {
      area.is_deleted = true;
      area.name.resize(area.name.size() - kDeleted.size());
    }
    area.is_active = true;
    area.bytes = kib(words[2]);
    area.used_bytes = kib(words[3]);
    area.priority = static_cast<int>(std::strtol(words[4].c_str(), nullptr, 10));
    area.said_by.push_back(evidence_of("/proc/swaps", lines[i]));
    areas.push_back(std::move(area));
  }
  return areas;
}

// "UUID=…  none  swap  sw  0  0"
std::vector<SwapArea> fstab_areas(const std::string& text) {
  std::vector<SwapArea> areas;
  for (const TextLine& line : lines_of(text)) {
    const auto words = words_of(line.text);
    if (words.size() < 3 || words[0].front() == '#' || words[2] != "swap" || areas.size() == kMaxAreas)
      continue;
    SwapArea area;
    area.name = words[0];
    area.is_file = words[0].front() == '/' && !words[0].starts_with("/dev/");
    area.said_by.push_back(evidence_of("/etc/fstab", line));
    areas.push_back(std::move(area));
  }
  return areas;
}

bool is_same(const SwapArea& active, const SwapArea& configured) {
  if (active.name == configured.name) return true;
  return !active.is_file && !configured.is_file && !active.device.empty() &&
         active.device == configured.device;
}

class SwapSurvey {
 public:
  SwapSurvey(const TreeReader& reader, const BlockDevices& devices)
      : devices_(devices), mounts_(read_mounts(reader)), index_(mounts_) {}

  void place(SwapArea& area) const {
    if (area.is_file) {
      const device::Mount* mount = index_.above(area.name);
      if (mount == nullptr) return;
      area.file_system = mount->type;
      const BlockDevice* device = devices_.by_number(mount->number);
      if (device == nullptr) device = devices_.by_path(mount->source);  // btrfs has a number of its own
      if (device != nullptr) area.device = device->name;
    } else {
      const Resolved resolved = devices_.resolve(area.name);
      if (resolved.match == Match::One) area.device = resolved.names.front();
    }
    area.is_zram = area.name.starts_with("/dev/zram") || area.device.starts_with("zram");
    const BlockDevice* device = devices_.by_name(area.device);
    if (device != nullptr) look_below(*device, area);
  }

 private:
  static std::vector<device::Mount> read_mounts(const TreeReader& reader) {
    const auto text = reader.text("/proc/self/mountinfo");
    return text ? device::mounts_from_text(*text) : std::vector<device::Mount>();
  }

  void look_below(const BlockDevice& top, SwapArea& area) const {
    for (const BlockDevice* device : devices_.stack_of(top)) {
      // Virtual devices call themselves removable for other reasons.
      const bool is_disk = device->below.empty() && !device->is_zram();
      area.is_removable = area.is_removable || (is_disk && (device->is_removable || device->bus == "usb"));
      // A thin volume hangs on its pool, whose name ends in -tpool.
      const bool is_pool = device->dm_uuid.starts_with("LVM-") && device->dm_uuid.ends_with("-tpool");
      area.is_thin = area.is_thin || is_pool;
    }
  }

  const BlockDevices& devices_;
  std::vector<device::Mount> mounts_;
  device::MountIndex index_;
};

void add_random_key(SwapArea& area, const std::vector<CryptLine>& lines, const BlockDevices& devices) {
  const BlockDevice* top = devices.by_name(area.device);
  std::vector<std::string> mappers;
  bool is_named = false;  // by a line of crypttab
  if (area.name.starts_with("/dev/mapper/")) mappers.push_back(area.name.substr(12));
  if (top != nullptr) {
    for (const BlockDevice* device : devices.stack_of(*top)) {
      if (!device->mapped_name.empty()) mappers.push_back(device->mapped_name);
    }
  }
  for (const CryptLine& line : lines) {
    if (std::find(mappers.begin(), mappers.end(), line.mapper) == mappers.end()) continue;
    if (line.has_random_key()) area.random_key = line.evidence;
    is_named = true;
  }
  // Plain dm-crypt that no crypttab sets up is what NixOS's randomEncryption leaves.
  if (is_named || top == nullptr) return;
  for (const BlockDevice* device : devices.stack_of(*top)) {
    if (device->dm_uuid.starts_with("CRYPT-PLAIN-"))
      area.random_key = Evidence{"/sys/class/block/" + device->name + "/dm/uuid", std::nullopt, "",
                                 std::nullopt, device->dm_uuid};
  }
}

// Which mapped device "/dev/dm-0" is cannot be told without sysfs. It is one of those that /etc/fstab names
// and that are not in use by their own name: where each of them has a random key, it has one as well.
void add_random_key_of_all(std::vector<SwapArea>& areas, const BlockDevices& devices) {
  const auto is_unresolved = [&](const SwapArea& area) {
    return area.is_active && !area.is_file && area.name.starts_with("/dev/dm-") &&
           devices.by_name(area.device) == nullptr;
  };
  std::vector<const Evidence*> keys;
  for (const SwapArea& area : areas) {
    if (area.is_active || area.is_file) continue;
    if (!area.random_key) return;
    keys.push_back(&*area.random_key);
  }
  const auto unresolved = std::count_if(areas.begin(), areas.end(), is_unresolved);
  if (static_cast<std::size_t>(unresolved) > keys.size()) return;
  for (SwapArea& area : areas) {
    if (is_unresolved(area)) area.random_key = *keys.front();
  }
}

}  // namespace

bool CryptLine::has_random_key() const {
  constexpr std::array<std::string_view, 3> kRandom = {"/dev/urandom", "/dev/random", "/dev/hwrng"};
  return std::find(kRandom.begin(), kRandom.end(), key) != kRandom.end();
}

std::vector<CryptLine> crypt_lines(const std::string& path, std::string_view text) {
  std::vector<CryptLine> lines;
  for (const TextLine& line : lines_of(text)) {
    const auto words = words_of(line.text);
    if (words.size() < 2 || words[0].front() == '#') continue;
    lines.push_back({words[0], words[1], words.size() > 2 ? words[2] : "none",
                     words.size() > 3 ? words[3] : "", evidence_of(path, line)});
  }
  return lines;
}

SwapSetup read_swap_setup(const TreeReader& reader, const BlockDevices& devices) {
  SwapSetup setup;
  const SwapSurvey survey(reader, devices);
  if (const auto text = reader.text("/proc/swaps")) {
    setup.is_known = true;
    setup.areas = active_areas(*text);
    std::stable_sort(setup.areas.begin(), setup.areas.end(),
                     [](const SwapArea& a, const SwapArea& b) { return a.priority > b.priority; });
  }
  for (SwapArea& area : setup.areas) survey.place(area);
  for (SwapArea& configured : fstab_areas(reader.text("/etc/fstab").value_or(""))) {
    survey.place(configured);
    const auto same = std::find_if(setup.areas.begin(), setup.areas.end(),
                                   [&](const SwapArea& area) { return is_same(area, configured); });
    if (same != setup.areas.end()) {
      same->said_by.push_back(configured.said_by.front());
    } else {
      setup.areas.push_back(std::move(configured));
    }
  }
  if (const auto text = reader.text("/etc/crypttab")) setup.crypttab = crypt_lines("/etc/crypttab", *text);
  for (SwapArea& area : setup.areas) add_random_key(area, setup.crypttab, devices);
  add_random_key_of_all(setup.areas, devices);
  for (const std::string& path :
       reader.with_drop_ins({"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"},
                            "zram-generator.conf", ".conf")) {
    const std::string text = reader.text(path).value_or("");
    for (const TextLine& line : lines_of(text)) {
      if (trimmed(line.text).starts_with("[zram")) setup.zram_generator.push_back(evidence_of(path, line));
    }
  }
  return setup;
}

}  // namespace hib::diagnose::boot
