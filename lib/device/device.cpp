#include "lib/device/device.h"

namespace hib::device {

std::string_view name_of(Strength strength) {
  switch (strength) {
    case Strength::Strong: return "strong";
    case Strength::Medium: return "medium";
    case Strength::Place: return "place";
  }
  return "unknown";
}

std::string_view name_of(Presence presence) {
  switch (presence) {
    case Presence::Present: return "present";
    case Presence::Absent: return "absent";
    case Presence::Unreadable: return "unreadable";
  }
  return "unknown";
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::Pci: return "pci";
    case Kind::Usb: return "usb";
    case Kind::FireWire: return "firewire";
    case Kind::Thunderbolt: return "thunderbolt";
    case Kind::Net: return "net";
    case Kind::Disk: return "disk";
    case Kind::Partition: return "partition";
    case Kind::Mapped: return "mapped";
    case Kind::Raid: return "raid";
    case Kind::Loop: return "loop";
    case Kind::FileSystem: return "filesystem";
    case Kind::Swap: return "swap";
  }
  return "unknown";
}

}  // namespace hib::device
