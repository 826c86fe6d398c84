#include "lib/device/probe/identifiers.h"
#include "lib/device/probe/parts.h"
#include "lib/device/probe/place.h"

namespace hib::device {
namespace {

// The permanent address. Where the driver does not report it, the address in use, if the kernel says that it
// is the permanent one. A random or chosen address is no identity: the next boot may have another one.
void add_address(Scan& scan, Device& device, const std::string& name) {
  const Facts facts = scan.tree.net_facts(name);
  if (const auto permanent = facts.find("PERMANENT_ADDRESS");
      permanent != facts.end() && tells_apart(permanent->second)) {
    return add_value(device.identity, "mac", permanent->second, "ioctl:ETHTOOL_GPERMADDR", Strength::Strong);
  }
  const std::string net = "class/net/" + name;
  const Reading kind = scan.tree.read_line("/sys/" + net + "/addr_assign_type");
  const Reading address = scan.tree.read_line("/sys/" + net + "/address");
  const std::string from = sysfs(net, "address");
  if (address.presence == Presence::Unreadable)
    return add_unreadable(device.identity, "mac", address.text, from, Strength::Strong);
  if (!address.is_present() || !tells_apart(address.text))
    return add_absent(device.identity, "mac", from, Strength::Strong);
  constexpr const char* kPermanent = "0";  // NET_ADDR_PERM
  if (kind.is_present() && kind.text == kPermanent)
    return add_value(device.identity, "mac", address.text, from, Strength::Strong);
  add_absent(device.identity, "mac", from, Strength::Strong);
  add_value(device.state, "address", address.text, from);
}

}  // namespace

void probe_net(Scan& scan) {
  for (const std::string& name : scan.tree.list("/sys/class/net")) {
    const std::string link = "/sys/class/net/" + name;
    const auto path = sysfs_path(scan.tree, link);
    const auto hardware = sysfs_path(scan.tree, link + "/device");
    if (!path || !hardware) continue;  // bridges, tunnels, lo
    Device device;
    device.path = *path;
    device.kind = Kind::Net;
    device.bus = starts_with(base_name(*hardware), "virtio") ? "virtio" : scan.has(*hardware) ? "pci" : "";
    if (hardware->find("/usb") != std::string::npos) device.bus = "usb";
    device.name = name;
    add_address(scan, device, name);
    const Reading port = scan.tree.read_line("/sys/" + *path + "/dev_port");
    std::string place = place_of(scan.tree, *hardware) + "/net";
    if (port.is_present() && !port.text.empty()) place += port.text;  // one function, several ports
    add_place(device, place);
    Device below;
    below.path = *hardware;
    add_driver_state(scan, below);
    for (const Value& value : below.state) {
      if (value.name == "driver" || value.name == "module")
        add_value(device.state, value.name, value.text, value.from);
      if (value.name == "driver") add_value(device.identity, "driver", value.text, value.from);
    }
    add_attribute(scan.tree, device.state, *path, "operstate", "operstate", Strength::Medium);
    scan.add(std::move(device));
  }
}

}  // namespace hib::device
