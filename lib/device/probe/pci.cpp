#include "lib/device/probe/identifiers.h"
#include "lib/device/probe/parts.h"
#include "lib/device/probe/place.h"

namespace hib::device {
namespace {

// Functions of one device share its serial number; the number of the function tells them apart.
std::string with_function(const std::string& serial, const std::string& address) {
  const std::string function = address.substr(address.rfind('.') + 1);
  return function == "0" ? serial : serial + "." + function;
}

void add_config(Scan& scan, Device& device) {
  const Reading config = scan.tree.read("/sys/" + device.path + "/config");
  const std::string from = sysfs(device.path, "config");
  if (!config.is_present()) {
    return add_unreadable(device.identity, "dsn", config.text.empty() ? "no such file" : config.text, from,
                          Strength::Strong);
  }
  const ByteView bytes = as_bytes(config.text);
  device.config.assign(bytes.begin(), bytes.end());
  const auto serial = pci_serial_number(bytes);
  if (!serial) return add_unreadable(device.identity, "dsn", serial.error().line(), from, Strength::Strong);
  if (*serial && tells_apart(**serial))
    add_value(device.identity, "dsn", with_function(**serial, device.name), from, Strength::Strong);
}

}  // namespace

void probe_pci(Scan& scan) {
  constexpr const char* kBus = "/sys/bus/pci/devices";
  for (const std::string& address : scan.tree.list(kBus)) {
    const auto path = sysfs_path(scan.tree, std::string(kBus) + "/" + address);
    if (!path) continue;
    Device device;
    device.path = *path;
    device.kind = Kind::Pci;
    device.bus = "pci";
    device.name = address;
    add_config(scan, device);
    for (const char* id : {"vendor", "device", "class", "revision"})
      add_attribute(scan.tree, device.identity, *path, id, id, Strength::Medium, Missing::SayUnreadable);
    add_attribute(scan.tree, device.identity, *path, "subsystem_vendor", "subsystem-vendor",
                  Strength::Medium);
    add_attribute(scan.tree, device.identity, *path, "subsystem_device", "subsystem-device",
                  Strength::Medium);
    add_place(device, place_of(scan.tree, *path));
    add_value(device.state, "address", address, "sysfs:" + *path);
    add_driver_state(scan, device);
    scan.add(std::move(device));
  }
}

}  // namespace hib::device
