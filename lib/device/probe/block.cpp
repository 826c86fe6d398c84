#include <algorithm>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "lib/device/probe/identifiers.h"
#include "lib/device/probe/parts.h"

namespace hib::device {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // of sysfs's "size" and "start", whatever the device's

void add_sectors(Scan& scan, Device& device, const char* attribute, const char* name) {
  const Reading sectors = scan.tree.read_line("/sys/" + device.path + "/" + attribute);
  const std::string from = sysfs(device.path, attribute);
  char* end = nullptr;
  const std::uint64_t count = std::strtoull(sectors.text.c_str(), &end, 10);
  if (!sectors.is_present() || sectors.text.empty() || *end != '\0' || count > UINT64_MAX / kSectorBytes) {
    return add_unreadable(device.identity, name,
                          sectors.is_present()   ? "\"" + sectors.text + "\" is no number"
                          : sectors.text.empty() ? "no such file"
                                                 : sectors.text,
                          from);
  }
  add_value(device.identity, name, std::to_string(count * kSectorBytes), from);
}

// udev asked libblkid before: for those who may not open the device.
Facts facts_of_udev(Scan& scan, const std::string& number) {
  Facts facts;
  const Reading text = scan.tree.read("/run/udev/data/b" + number);
  std::istringstream lines(text.is_present() ? text.text : "");
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (!starts_with(line, "E:ID_") || equals == std::string::npos) continue;
    std::string key = line.substr(5, equals - 5);
    if (key == "FS_LABEL_ENC" || key == "FS_UUID_ENC") continue;
    if (starts_with(key, "FS_")) key.erase(0, 3);
    if (starts_with(key, "PART_TABLE_")) key = key == "PART_TABLE_TYPE" ? "PTTYPE" : "PTUUID";
    facts.emplace(key, line.substr(equals + 1));
  }
  return facts;
}

void add_content(Scan& scan, Device& device, const std::string& kernel_name, const std::string& number) {
  std::string why;
  std::string from = "blkid";
  Facts facts = scan.tree.block_facts(kernel_name, why);
  if (!why.empty()) {
    facts = facts_of_udev(scan, number);
    from = "udev";
    if (facts.empty()) {
      if (device.kind == Kind::Disk)
        add_unreadable(device.identity, "content.ptuuid", why, "blkid", Strength::Strong);
      if (device.kind == Kind::Partition)
        add_unreadable(device.identity, "content.partuuid", why, "blkid", Strength::Strong);
      add_unreadable(device.identity, "content.fs-uuid", why, "blkid", Strength::Strong);
      return;
    }
    facts["FROM"] = from;
  }
  const auto add = [&](const char* key, const char* name, Strength strength) {
    const auto it = facts.find(key);
    if (it == facts.end() || it->second.empty()) return;
    // A DOS table that was never given an id has zeros, and so begin its partitions' ids.
    const bool is_none =
        strength == Strength::Strong && (!tells_apart(it->second) || starts_with(it->second, "00000000-"));
    add_value(device.identity, name, it->second, from, is_none ? Strength::Medium : strength);
  };
  add("PTUUID", "content.ptuuid", Strength::Strong);
  add("PART_ENTRY_UUID", "content.partuuid", Strength::Strong);
  add("UUID", "content.fs-uuid", Strength::Strong);
  add("UUID_SUB", "content.sub-uuid", Strength::Strong);  // of one of several devices that hold it together
  add("TYPE", "content.type", Strength::Medium);
  if (facts.contains("AMBIVALENT"))
    add_unreadable(device.identity, "content.type", "several things claim it", from);
  scan.contents[device.path] = std::move(facts);
}

// ---- what a block device is

enum class Shape { Skip, Disk, Mapped, Raid, Loop };

Shape shape_of(Scan& scan, const std::string& path, const std::string& name) {
  const std::string folder = "/sys/" + path;
  if (scan.tree.read_line(folder + "/hidden").text == "1")
    return Shape::Skip;  // one way of several to an NVMe namespace
  if (scan.tree.exists(folder + "/dm")) return Shape::Mapped;
  if (scan.tree.exists(folder + "/md")) return Shape::Raid;
  if (scan.tree.exists(folder + "/loop/backing_file")) return Shape::Loop;
  if (scan.tree.exists(folder + "/device")) return Shape::Disk;
  // Devices of the kernel alone (zram, nbd) that hold nothing; ram disks are there whether anybody wants them
  // or not.
  const bool is_ram =
      starts_with(name, "ram") && name.find_first_not_of("0123456789", 3) == std::string::npos;
  return is_ram || scan.tree.read_line(folder + "/size").text == "0" ? Shape::Skip : Shape::Disk;
}

Kind kind_of(Shape shape) {
  switch (shape) {
    case Shape::Skip:
    case Shape::Disk: return Kind::Disk;
    case Shape::Mapped: return Kind::Mapped;
    case Shape::Raid: return Kind::Raid;
    case Shape::Loop: return Kind::Loop;
  }
  return Kind::Disk;
}

void add_mapped(Scan& scan, Device& device) {
  add_attribute(scan.tree, device.identity, device.path, "dm/uuid", "dm-uuid", Strength::Strong,
                Missing::SayAbsent);
  const Reading name = scan.tree.read_line("/sys/" + device.path + "/dm/name");
  if (name.is_present() && !name.text.empty()) {
    add_value(device.identity, "dm-name", name.text, sysfs(device.path, "dm/name"));
    device.name = name.text;
  }
  add_attribute(scan.tree, device.state, device.path, "dm/suspended", "suspended", Strength::Medium);
}

void add_raid(Scan& scan, Device& device) {
  add_attribute(scan.tree, device.identity, device.path, "md/uuid", "md-uuid", Strength::Strong);
  add_attribute(scan.tree, device.identity, device.path, "md/level", "level", Strength::Medium);
  add_attribute(scan.tree, device.identity, device.path, "md/raid_disks", "raid-disks", Strength::Medium);
  add_attribute(scan.tree, device.identity, device.path, "md/metadata_version", "metadata", Strength::Medium);
  add_attribute(scan.tree, device.state, device.path, "md/array_state", "array-state", Strength::Medium);
  add_attribute(scan.tree, device.state, device.path, "md/degraded", "degraded", Strength::Medium);
}

void add_loop(Scan& scan, Device& device) {
  add_attribute(scan.tree, device.identity, device.path, "loop/backing_file", "backing-file",
                Strength::Medium, Missing::SayUnreadable);
  add_attribute(scan.tree, device.identity, device.path, "loop/offset", "offset", Strength::Medium);
}

void register_block(Scan& scan, const Device& device, const std::string& kernel_name,
                    const std::string& number) {
  if (!number.empty()) scan.by_number.emplace(number, device.path);
  scan.by_kernel_name.emplace(kernel_name, device.path);
}

void add_partition(Scan& scan, const Device& disk, const std::string& name,
                   const std::string& partition_number) {
  Device device;
  device.path = disk.path + "/" + name;
  device.kind = Kind::Partition;
  device.name = name;
  device.parent = disk.path;
  add_value(device.identity, "number", partition_number, sysfs(device.path, "partition"));
  add_sectors(scan, device, "start", "start");
  add_sectors(scan, device, "size", "size");
  const std::string number = scan.tree.read_line("/sys/" + device.path + "/dev").text;
  add_content(scan, device, name, number);
  if (const Value* place = disk.find_identity(kPlace))
    add_value(device.identity, std::string(kPlace), place->text + "/p" + partition_number, place->from,
              Strength::Place);
  add_attribute(scan.tree, device.state, device.path, "ro", "read-only", Strength::Medium);
  register_block(scan, device, name, number);
  scan.add(std::move(device));
}

void add_block_device(Scan& scan, const std::string& name) {
  const auto path = sysfs_path(scan.tree, "/sys/block/" + name);
  if (!path) return;
  const Shape shape = shape_of(scan, *path, name);
  if (shape == Shape::Skip) return;
  Device device;
  device.path = *path;
  device.kind = kind_of(shape);
  device.name = name;
  if (shape == Shape::Disk) add_disk_identity(scan, device);
  if (shape == Shape::Mapped) add_mapped(scan, device);
  if (shape == Shape::Raid) add_raid(scan, device);
  if (shape == Shape::Loop) add_loop(scan, device);
  add_sectors(scan, device, "size", "size");
  add_value(device.state, "kernel-name", name, "sysfs:" + *path);
  const std::string number = scan.tree.read_line("/sys/" + *path + "/dev").text;
  add_content(scan, device, name, number);
  register_block(scan, device, name, number);
  const Device disk = device;  // adding may move what is there
  scan.add(std::move(device));
  for (const std::string& part : scan.tree.list("/sys/" + *path)) {
    if (!starts_with(part, name)) continue;
    const Reading partition = scan.tree.read_line("/sys/" + *path + "/" + part + "/partition");
    if (partition.is_present() && !partition.text.empty()) add_partition(scan, disk, part, partition.text);
  }
}

// dm, md, bcache: what they are made of. All block devices are known by now.
void add_members(Scan& scan, Device& device) {
  if (device.kind == Kind::Partition) return;
  for (const std::string& name : scan.tree.list("/sys/" + device.path + "/slaves")) {
    const auto member = scan.by_kernel_name.find(name);
    if (member == scan.by_kernel_name.end() || member->second == device.path) continue;
    device.members.push_back(member->second);
  }
  std::sort(device.members.begin(), device.members.end(), natural_less);
  if (device.parent.empty() && !device.members.empty()) device.parent = device.members.front();
  if (device.kind != Kind::Raid || device.find_identity("md-uuid") != nullptr) return;
  // Kernels before 6.x do not say it: the members' superblocks do.
  for (const std::string& member : device.members) {
    const Facts& facts = scan.contents[member];
    const auto uuid = facts.find("UUID");
    if (uuid != facts.end() && facts.contains("TYPE") && facts.at("TYPE") == "linux_raid_member")
      return add_value(device.identity, "md-uuid", uuid->second, "blkid:" + member, Strength::Strong);
  }
  add_absent(device.identity, "md-uuid", sysfs(device.path, "md/uuid"), Strength::Strong);
}

}  // namespace

void probe_block(Scan& scan) {
  std::vector<std::string> names = scan.tree.list("/sys/block");
  std::sort(names.begin(), names.end(), natural_less);
  for (const std::string& name : names) add_block_device(scan, name);
  for (Device& device : scan.devices) {
    if (device.kind == Kind::Disk || device.kind == Kind::Mapped || device.kind == Kind::Raid)
      add_members(scan, device);
  }
}

}  // namespace hib::device
