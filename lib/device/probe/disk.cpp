// What a disk says of itself, by the bus that it hangs on.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "lib/device/probe/identifiers.h"
#include "lib/device/probe/parts.h"
#include "lib/device/probe/place.h"

namespace hib::device {
namespace {

struct DiskPaths {
  std::string disk;    // "devices/…/block/sda"
  std::string device;  // that it is the block device of: "devices/…/0:0:0:0"
};

bool has_component(const std::string& path, const std::string& prefix) {
  const std::size_t at = ("/" + path).find("/" + prefix);
  return at != std::string::npos && at + prefix.size() < path.size() &&
         std::isdigit(static_cast<unsigned char>(path[at + prefix.size()])) != 0;
}

bool is_scsi(const std::string& device) {
  const std::string name = base_name(device);  // "2:0:0:0"
  return std::count(name.begin(), name.end(), ':') == 3;
}

std::string bus_of(const DiskPaths& paths) {
  const std::string name = base_name(paths.device);
  if (is_scsi(paths.device)) {
    for (const char* bus : {"usb", "ata"}) {
      if (has_component(paths.device, bus)) return bus;
    }
    return has_component(paths.device, "fw") ? "firewire" : "scsi";
  }
  if (starts_with(name, "nvme")) return "nvme";
  if (starts_with(name, "virtio")) return "virtio";
  if (starts_with(name, "mmc")) return "mmc";
  return "";
}

// ---- SCSI, and what speaks like it: ATA and USB

void add_vpd_names(Scan& scan, Device& disk, const std::string& device) {
  const Reading page = scan.tree.read("/sys/" + device + "/vpd_pg83");
  const std::string from = sysfs(device, "vpd_pg83");
  if (page.presence == Presence::Unreadable)
    return add_unreadable(disk.identity, "wwn", page.text, from, Strength::Strong);
  if (!page.is_present())
    return add_attribute(scan.tree, disk.identity, device, "wwid", "wwid", Strength::Strong,
                         Missing::SayAbsent);
  const auto names = vpd_designators(as_bytes(page.text));
  if (!names) return add_unreadable(disk.identity, "wwn", names.error().line(), from, Strength::Strong);
  for (const Identifier& name : *names) {
    if (tells_apart(name.text)) add_value(disk.identity, name.name, name.text, from, Strength::Strong);
  }
}

void add_vpd_serial(Scan& scan, Device& disk, const std::string& device) {
  const Reading page = scan.tree.read("/sys/" + device + "/vpd_pg80");
  const std::string from = sysfs(device, "vpd_pg80");
  if (page.presence == Presence::Absent) return add_absent(disk.identity, "serial", from, Strength::Strong);
  if (!page.is_present()) return add_unreadable(disk.identity, "serial", page.text, from, Strength::Strong);
  add_result(disk.identity, "serial", vpd_serial(as_bytes(page.text)), from, Strength::Strong);
}

// True when IDENTIFY DEVICE was there: it has everything, untruncated.
bool add_ata_identity(Scan& scan, Device& disk, const std::string& device) {
  const Reading page = scan.tree.read("/sys/" + device + "/vpd_pg89");
  if (!page.is_present()) return false;
  const auto identity = vpd_ata_identity(as_bytes(page.text));
  if (!identity) return false;
  const std::string from = sysfs(device, "vpd_pg89");
  add_result(disk.identity, "serial", identity->serial, from, Strength::Strong);
  if (tells_apart(identity->wwn)) add_value(disk.identity, "wwn", identity->wwn, from, Strength::Strong);
  if (!identity->model.empty()) add_value(disk.identity, "model", identity->model, from);
  if (!identity->firmware.empty()) add_value(disk.identity, "firmware", identity->firmware, from);
  return true;
}

// A stick tells its serial number as a USB device, and mostly nowhere else.
void add_usb_serial(Scan& scan, Device& disk, const std::string& device) {
  std::string above = folder_of(device);
  while (!above.empty() && !starts_with(base_name(above), "usb")) {
    const Reading vendor = scan.tree.read_line("/sys/" + above + "/idVendor");
    if (vendor.is_present()) {
      const Reading product = scan.tree.read_line("/sys/" + above + "/idProduct");
      const Reading serial = scan.tree.read_line("/sys/" + above + "/serial");
      const std::string from = sysfs(above, "serial");
      if (serial.presence == Presence::Unreadable)
        return add_unreadable(disk.identity, "usb-serial", serial.text, from, Strength::Strong);
      if (!serial.is_present() || !tells_apart(serial.text))
        return add_absent(disk.identity, "usb-serial", from, Strength::Strong);
      const std::string unit = base_name(device).substr(base_name(device).rfind(':') + 1);
      return add_value(disk.identity, "usb-serial",
                       fmt::format("{}:{}:{}:{}", vendor.text, product.text, serial.text, unit), from,
                       Strength::Strong);
    }
    above = folder_of(above);
  }
}

// What lies behind a FireWire bridge is known by the node and its unit: "fw1/fw1.0".
void add_firewire_unit(Scan& scan, Device& disk, const std::string& device) {
  for (std::string above = folder_of(device); !above.empty(); above = folder_of(above)) {
    const std::string name = base_name(above);
    const std::size_t dot = name.find('.');
    if (!starts_with(name, "fw") || dot == std::string::npos) continue;
    const std::string node = folder_of(above);
    const Reading guid = scan.tree.read_line("/sys/" + node + "/guid");
    const std::string from = sysfs(node, "guid");
    if (guid.presence == Presence::Unreadable)
      return add_unreadable(disk.identity, "firewire-unit", guid.text, from, Strength::Strong);
    if (!guid.is_present() || !tells_apart(guid.text))
      return add_absent(disk.identity, "firewire-unit", from, Strength::Strong);
    const std::string unit = base_name(device).substr(base_name(device).rfind(':') + 1);
    return add_value(disk.identity, "firewire-unit",
                     fmt::format("{}:{}:{}", guid.text, name.substr(dot + 1), unit), from, Strength::Strong);
  }
}

void add_scsi(Scan& scan, Device& disk, const std::string& device) {
  const bool is_identified = disk.bus == "ata" && add_ata_identity(scan, disk, device);
  if (!is_identified) {
    add_vpd_serial(scan, disk, device);
    add_vpd_names(scan, disk, device);
    add_attribute(scan.tree, disk.identity, device, "vendor", "vendor", Strength::Medium);
    add_attribute(scan.tree, disk.identity, device, "model", "model", Strength::Medium);
    add_attribute(scan.tree, disk.identity, device, "rev", "firmware", Strength::Medium);
  }
  if (disk.bus == "usb") add_usb_serial(scan, disk, device);
  if (disk.bus == "firewire") add_firewire_unit(scan, disk, device);
  add_attribute(scan.tree, disk.state, device, "state", "scsi-state", Strength::Medium);
}

// ---- NVMe

// The controllers that lead to a namespace: one, or those of its subsystem.
std::vector<std::string> controllers(Scan& scan, const std::string& device) {
  std::vector<std::string> found;
  if (!starts_with(base_name(device), "nvme-subsys")) return {device};
  for (const std::string& name : scan.tree.list("/sys/" + device)) {
    const std::string number = name.substr(std::min<std::size_t>(4, name.size()));
    if (!starts_with(name, "nvme") || number.empty() ||
        number.find_first_not_of("0123456789") != std::string::npos)
      continue;
    if (const auto path = sysfs_path(scan.tree, "/sys/" + device + "/" + name)) found.push_back(*path);
  }
  return found;
}

// Ids that are all zeros are none.
void add_namespace_id(Scan& scan, Device& disk, const std::string& path, const char* attribute) {
  const Reading id = scan.tree.read_line("/sys/" + path + "/" + attribute);
  if (id.presence == Presence::Unreadable)
    return add_unreadable(disk.identity, attribute, id.text, sysfs(path, attribute), Strength::Strong);
  if (!id.is_present() || id.text.find_first_not_of("0- ") == std::string::npos) return;
  add_value(disk.identity, attribute, id.text, sysfs(path, attribute), Strength::Strong);
}

void add_nvme(Scan& scan, Device& disk, const DiskPaths& paths) {
  const std::vector<std::string> ways = controllers(scan, paths.device);
  const std::string first = ways.empty() ? paths.device : ways.front();
  const Reading nsid = scan.tree.read_line("/sys/" + paths.disk + "/nsid");
  const Reading nqn = scan.tree.read_line("/sys/" + first + "/subsysnqn");
  const Reading serial = scan.tree.read_line("/sys/" + first + "/serial");
  const std::string from = sysfs(first, "serial");
  if (serial.presence == Presence::Unreadable) {
    add_unreadable(disk.identity, "nvme", serial.text, from, Strength::Strong);
  } else if (!serial.is_present() || !tells_apart(serial.text) || !nsid.is_present()) {
    add_absent(disk.identity, "nvme", from, Strength::Strong);
  } else {
    add_value(disk.identity, "nvme",
              fmt::format("{} {} {}", nqn.is_present() ? nqn.text : "", serial.text, nsid.text), from,
              Strength::Strong);
    add_value(disk.identity, "serial", serial.text, from);  // of the controller: all its namespaces have it
  }
  for (const char* id : {"uuid", "nguid", "eui", "wwid"}) add_namespace_id(scan, disk, paths.disk, id);
  add_attribute(scan.tree, disk.identity, first, "model", "model", Strength::Medium);
  add_attribute(scan.tree, disk.identity, first, "firmware_rev", "firmware", Strength::Medium);
  std::vector<std::string> places;
  for (const std::string& way : ways) {
    places.push_back(place_of(scan.tree, way));
    const std::string function =
        scan.has(folder_of(folder_of(way))) ? folder_of(folder_of(way)) : scan.ancestor(way);
    if (!function.empty() && ways.size() > 1) disk.members.push_back(function);
    if (!function.empty() && disk.parent.empty()) disk.parent = function;
    if (ways.size() > 1) add_value(disk.state, "path", base_name(way), "sysfs:" + way);
  }
  std::sort(places.begin(), places.end());
  add_place(disk, fmt::format("{}/ns{}", fmt::join(places, ","), nsid.is_present() ? nsid.text : "?"));
  add_attribute(scan.tree, disk.state, first, "state", "nvme-state", Strength::Medium);
}

// ---- the rest

void add_card(Scan& scan, Device& disk, const DiskPaths& paths, const std::string& part) {
  const Reading cid = scan.tree.read_line("/sys/" + paths.device + "/cid");
  const std::string from = sysfs(paths.device, "cid");
  if (!cid.is_present()) {
    add_unreadable(disk.identity, "cid", cid.text.empty() ? "no such file" : cid.text, from,
                   Strength::Strong);
  } else {
    auto known = card_identification(cid.text);
    if (known) *known += part;
    add_result(disk.identity, "cid", known, from, Strength::Strong);
  }
  add_attribute(scan.tree, disk.identity, paths.device, "name", "model", Strength::Medium);
  add_attribute(scan.tree, disk.identity, paths.device, "fwrev", "firmware", Strength::Medium);
  add_attribute(scan.tree, disk.identity, paths.device, "type", "card", Strength::Medium);
}

// "+boot0" of mmcblk0boot0: the parts of a card that are disks of their own.
std::string part_of_card(const std::string& name) {
  const std::size_t digits = name.find_first_of("0123456789");
  const std::size_t end =
      digits == std::string::npos ? name.size() : name.find_first_not_of("0123456789", digits);
  return end == std::string::npos || end == name.size() ? "" : "+" + name.substr(end);
}

void add_size(Scan& scan, Device& disk) {
  add_attribute(scan.tree, disk.identity, disk.path, "queue/logical_block_size", "block-size",
                Strength::Medium);
  add_attribute(scan.tree, disk.state, disk.path, "ro", "read-only", Strength::Medium);
  add_attribute(scan.tree, disk.state, disk.path, "removable", "removable", Strength::Medium);
}

}  // namespace

void add_disk_identity(Scan& scan, Device& disk) {
  DiskPaths paths{disk.path, sysfs_path(scan.tree, "/sys/" + disk.path + "/device").value_or("")};
  std::string part;
  if (starts_with(disk.name, "mmcblk")) {
    part = part_of_card(disk.name);
    if (!part.empty())
      paths.device = sysfs_path(scan.tree, "/sys/" + folder_of(disk.path) + "/device").value_or(paths.device);
  }
  disk.bus = bus_of(paths);
  if (disk.bus == "nvme") {
    add_nvme(scan, disk, paths);
  } else {
    if (is_scsi(paths.device)) add_scsi(scan, disk, paths.device);
    if (disk.bus == "virtio")
      add_attribute(scan.tree, disk.identity, disk.path, "serial", "serial", Strength::Strong,
                    Missing::SayAbsent);
    if (disk.bus == "mmc") add_card(scan, disk, paths, part);
    if (!paths.device.empty())
      add_place(disk, place_of(scan.tree, paths.device) + (part.empty() ? "" : "/" + part.substr(1)));
  }
  add_size(scan, disk);
  if (paths.device.empty()) return;
  Device below;
  below.path = paths.device;
  add_driver_state(scan, below);
  for (Value& value : below.state) add_value(disk.state, value.name, value.text, value.from);
}

}  // namespace hib::device
