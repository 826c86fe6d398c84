#include <fmt/format.h>

#include "lib/codec/hash.h"
#include "lib/device/probe/identifiers.h"
#include "lib/device/probe/parts.h"
#include "lib/device/probe/place.h"

namespace hib::device {
namespace {

void add_descriptors(Scan& scan, Device& device) {
  const Reading descriptors = scan.tree.read("/sys/" + device.path + "/descriptors");
  const std::string from = sysfs(device.path, "descriptors");
  if (!descriptors.is_present() || descriptors.text.empty()) {
    return add_unreadable(device.identity, "descriptors",
                          descriptors.text.empty() ? "nothing" : descriptors.text, from);
  }
  add_value(device.identity, "descriptors", fmt::format("xxh3:{:016x}", hash64(as_bytes(descriptors.text))),
            from);
}

// Interfaces have the drivers; the device itself is always bound to "usb".
void add_interfaces(Scan& scan, Device& device) {
  for (const std::string& name : scan.tree.list("/sys/" + device.path)) {
    if (!starts_with(name, device.name + ":")) continue;
    Device interface;
    interface.path = device.path + "/" + name;
    add_driver_state(scan, interface);
    for (const char* wanted : {"driver", "module", "modalias", "modules"}) {
      for (const Value& value : interface.state) {
        if (value.name == wanted) add_value(device.state, wanted, value.text, value.from);
      }
    }
  }
}

Device usb_device(Scan& scan, const std::string& path) {
  Device device;
  device.path = path;
  device.kind = Kind::Usb;
  device.bus = "usb";
  device.name = base_name(path);
  // A root hub belongs to the controller. Its "serial number" is the controller's address, its revision the
  // kernel's version.
  const bool is_root_hub = starts_with(device.name, "usb");
  if (!is_root_hub) {
    add_attribute(scan.tree, device.identity, path, "serial", "serial", Strength::Strong, Missing::SayAbsent);
    add_descriptors(scan, device);
  }
  add_attribute(scan.tree, device.identity, path, "idVendor", "vendor", Strength::Medium,
                Missing::SayUnreadable);
  add_attribute(scan.tree, device.identity, path, "idProduct", "product", Strength::Medium,
                Missing::SayUnreadable);
  if (!is_root_hub)
    add_attribute(scan.tree, device.identity, path, "bcdDevice", "revision", Strength::Medium,
                  Missing::SayUnreadable);
  add_attribute(scan.tree, device.identity, path, "product", "model", Strength::Medium);
  add_place(device, place_of(scan.tree, path));
  add_attribute(scan.tree, device.state, path, "bConfigurationValue", "configuration", Strength::Medium);
  add_attribute(scan.tree, device.state, path, "speed", "speed", Strength::Medium);
  add_attribute(scan.tree, device.state, path, "power/persist", "persist", Strength::Medium);
  add_attribute(scan.tree, device.state, path, "power/runtime_status", "runtime-status", Strength::Medium);
  add_interfaces(scan, device);
  return device;
}

}  // namespace

void probe_usb(Scan& scan) {
  constexpr const char* kBus = "/sys/bus/usb/devices";
  for (const std::string& name : scan.tree.list(kBus)) {
    if (name.find(':') != std::string::npos) continue;  // an interface
    if (const auto path = sysfs_path(scan.tree, std::string(kBus) + "/" + name))
      scan.add(usb_device(scan, *path));
  }
}

void probe_firewire(Scan& scan) {
  constexpr const char* kBus = "/sys/bus/firewire/devices";
  for (const std::string& name : scan.tree.list(kBus)) {
    if (name.find('.') != std::string::npos) continue;  // a unit of a node
    const auto path = sysfs_path(scan.tree, std::string(kBus) + "/" + name);
    if (!path) continue;
    Device device;
    device.path = *path;
    device.kind = Kind::FireWire;
    device.bus = "firewire";
    device.name = name;
    add_attribute(scan.tree, device.identity, *path, "guid", "guid", Strength::Strong,
                  Missing::SayUnreadable);
    const Reading rom = scan.tree.read("/sys/" + *path + "/config_rom");
    const std::string from = sysfs(*path, "config_rom");
    if (rom.is_present()) {
      add_result(device.identity, "rom", firewire_rom(as_bytes(rom.text)), from, Strength::Strong);
    } else {
      add_unreadable(device.identity, "rom", rom.text.empty() ? "no such file" : rom.text, from,
                     Strength::Strong);
    }
    add_attribute(scan.tree, device.identity, *path, "vendor", "vendor", Strength::Medium);
    add_attribute(scan.tree, device.identity, *path, "model", "model-id", Strength::Medium);
    add_attribute(scan.tree, device.identity, *path, "vendor_name", "vendor-name", Strength::Medium);
    add_attribute(scan.tree, device.identity, *path, "model_name", "model", Strength::Medium);
    // Every reset of the bus numbers the nodes anew, so the place is only the bus.
    add_place(device, place_of(scan.tree, folder_of(*path)) + "/firewire");
    add_attribute(scan.tree, device.state, *path, "is_local", "is-local", Strength::Medium);
    for (const std::string& unit : scan.tree.list("/sys/" + *path)) {
      if (!starts_with(unit, name + ".")) continue;
      if (const auto driver = scan.tree.resolve("/sys/" + *path + "/" + unit + "/driver"))
        add_value(device.state, "driver", base_name(*driver), sysfs(*path + "/" + unit, "driver"));
    }
    scan.add(std::move(device));
  }
}

void probe_thunderbolt(Scan& scan) {
  constexpr const char* kBus = "/sys/bus/thunderbolt/devices";
  for (const std::string& name : scan.tree.list(kBus)) {
    const auto path = sysfs_path(scan.tree, std::string(kBus) + "/" + name);
    // Switches and other hosts; domains, retimers and services have no id of their own.
    if (!path || name.find('-') == std::string::npos || name.find('.') != std::string::npos ||
        name.find(':') != std::string::npos)
      continue;
    if (scan.tree.read_line("/sys/" + *path + "/unique_id").presence == Presence::Absent) continue;
    Device device;
    device.path = *path;
    device.kind = Kind::Thunderbolt;
    device.bus = "thunderbolt";
    device.name = name;
    add_attribute(scan.tree, device.identity, *path, "unique_id", "unique-id", Strength::Strong,
                  Missing::SayUnreadable);
    for (const char* id : {"vendor", "device"})
      add_attribute(scan.tree, device.identity, *path, id, id, Strength::Medium);
    add_attribute(scan.tree, device.identity, *path, "vendor_name", "vendor-name", Strength::Medium);
    add_attribute(scan.tree, device.identity, *path, "device_name", "model", Strength::Medium);
    add_place(device, place_of(scan.tree, *path));
    add_attribute(scan.tree, device.state, *path, "authorized", "authorized", Strength::Medium);
    add_attribute(scan.tree, device.state, *path, "nvm_version", "firmware", Strength::Medium);
    add_attribute(scan.tree, device.state, *path, "power/runtime_status", "runtime-status", Strength::Medium);
    scan.add(std::move(device));
  }
}

}  // namespace hib::device
