// Block devices as configuration names them, and which one a name means.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/device/probe/mount_table.h"
#include "lib/device/probe/tree.h"

namespace hib::diagnose::boot {

struct BlockDevice {
  std::string name;         // "sda2", "dm-0"
  std::string number;       // "8:2"
  std::string mapped_name;  // of dm: "cryptswap"
  std::string dm_uuid;      // "CRYPT-LUKS2-…-cryptswap", "LVM-…"
  std::uint64_t bytes = 0;
  bool is_removable = false;       // itself, or the disk that it is a part of
  std::string bus;                 // "usb" where a link of sysfs tells it; otherwise empty
  std::vector<std::string> below;  // names of what it is made of, and the disk of a partition
  // By libblkid's names (TYPE, UUID, LABEL, …); empty where the content cannot be read.
  device::Facts facts;
  std::string why_no_facts;

  const std::string& fact(const std::string& key) const;
  bool is_zram() const { return name.starts_with("zram"); }
  bool is_crypt() const { return dm_uuid.starts_with("CRYPT-"); }
};

enum class Match : std::uint8_t { One, None, Several, Unknown };

struct Resolved {
  Match match = Match::Unknown;
  std::vector<std::string> names;  // of the devices: "sda2"
  bool is_unstable = false;        // the name may mean another device at the next boot
  std::string why;                 // None, Unknown: in words
};

class BlockDevices {
 public:
  // Never fails; an empty set where the tree has no /sys/class/block.
  static BlockDevices read(const device::Tree& tree);

  bool is_known() const { return !devices_.empty(); }
  const BlockDevice* by_name(const std::string& name) const;
  const BlockDevice* by_number(const std::string& number) const;
  // "/dev/sda2", "/dev/mapper/x", "/dev/VG/LV", "/dev/disk/by-…"
  const BlockDevice* by_path(const std::string& path) const;
  const std::vector<BlockDevice>& all() const { return devices_; }

  // What resume= of a command line names.
  Resolved resolve(const std::string& spec) const;

  // The device and all that lies below it, nearest first.
  std::vector<const BlockDevice*> stack_of(const BlockDevice& device) const;

 private:
  Resolved resolve_tag(const std::string& tag, const std::string& value) const;

  std::vector<BlockDevice> devices_;
  std::string why_none_ = "no block devices to look at";
  std::map<std::string, std::string> links_;  // "/dev/disk/by-uuid/…", "/dev/mapper/…" -> name
};

// A name that the kernel gave in the order of discovery: "/dev/sda2", "/dev/nvme0n1p3", "8:2".
bool is_unstable_name(const std::string& spec);

}  // namespace hib::diagnose::boot
