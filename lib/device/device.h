// The devices of a machine: what each one is, and how it was found.
//
// Identity and state are kept apart. Identity is what makes a device this device; it survives a power cycle,
// and two machines are compared by it. State is how the device was found; it is shown and kept, and never
// decides whether a device is the same. docs/format/records.md has the encoding, docs/devices.md the values
// by bus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hib::device {

// What a value of a device's identity proves when it is equal on both sides.
enum class Strength : std::uint8_t {
  Strong,  // no other device has it: a serial number, a WWN, a GUID, a UUID
  Medium,  // devices of one model have it
  Place,   // where the device is
};

enum class Presence : std::uint8_t {
  Present,
  Absent,      // the device has no such value
  Unreadable,  // it may have one; `text` says why it is not known
};

struct Value {
  std::string name;  // "serial", "wwn", "size"
  std::string text;
  std::string
      from;  // where it was read: "sysfs:devices/…/serial", "blkid", "ioctl:ETHTOOL_GPERMADDR", "shim"
  Strength strength = Strength::Medium;  // of an identity's values; a state's have none
  Presence presence = Presence::Present;
};

// What a device is to the machine. It is compared only with devices of its own kind; a disk is a disk on any
// bus.
enum class Kind : std::uint8_t {
  Pci,          // a function
  Usb,          // a device, not its interfaces
  FireWire,     // a node
  Thunderbolt,  // a switch
  Net,          // an interface with a device of its own
  Disk,
  Partition,
  Mapped,  // dm: LVM, LUKS, multipath
  Raid,    // md
  Loop,
  FileSystem,  // on a device, mounted or not
  Swap,
};

std::string_view name_of(Strength strength);
std::string_view name_of(Presence presence);
std::string_view name_of(Kind kind);

struct Device {
  // Names it within its set. A device of sysfs: its path below /sys. A file system or a swap area:
  // "filesystem:" or "swap:" and the path of the device it lies on, or for a file system without one its type
  // and mount point.
  std::string path;
  Kind kind = Kind::Pci;
  std::string bus;   // how it is attached: "pci", "ata", "scsi", "usb", "nvme", "virtio", "mmc"; "" for what
                     // has no bus
  std::string name;  // what people call it: "sda", "0000:00:1f.2", "eth0"
  std::string parent;  // path of the device it hangs on; "" at the top, or when that is not in the set
  std::vector<std::string>
      members;  // paths of further devices it is made of (dm, md, btrfs), the parent included
  std::vector<Value> identity;
  std::vector<Value> state;
  std::vector<std::byte> config;  // PCI configuration space, as many bytes as could be read

  // Null when it is missing, absent or unreadable.
  const Value* find_identity(std::string_view wanted) const { return find(identity, wanted); }
  const Value* find_state(std::string_view wanted) const { return find(state, wanted); }

 private:
  static const Value* find(const std::vector<Value>& values, std::string_view wanted) {
    for (const Value& value : values) {
      if (value.name == wanted && value.presence == Presence::Present) return &value;
    }
    return nullptr;
  }
};

// The value of the identity that says where a device is, in a form that does not change when buses are
// numbered anew.
inline constexpr std::string_view kPlace = "place";

struct DeviceSet {
  std::vector<Device> devices;  // parents before children
};

}  // namespace hib::device
