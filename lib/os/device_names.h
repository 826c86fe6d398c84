// What vendors call their devices: pci.ids through libpci, usb.ids read here. Only for people; a machine
// without these files shows numbers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

struct pci_access;

namespace hib {

class DeviceNames {
 public:
  // `numeric`: no names, whatever files there are.
  explicit DeviceNames(bool numeric = false);
  ~DeviceNames();
  DeviceNames(const DeviceNames&) = delete;
  DeviceNames& operator=(const DeviceNames&) = delete;

  // "Intel Corporation 82540EM Gigabit Ethernet Controller"; "" when nothing is known of it.
  std::string pci(std::uint16_t vendor, std::uint16_t device) const;
  // "SATA controller"
  std::string pci_class(std::uint16_t class_and_subclass) const;
  std::string usb(std::uint16_t vendor, std::uint16_t product) const;

 private:
  struct Free {
    void operator()(pci_access* access) const;
  };
  std::unique_ptr<pci_access, Free> pci_;  // null: no names
  std::unordered_map<std::uint32_t, std::string>
      usb_;  // vendor: in the upper half, 0xffff in the lower; or vendor and product
};

}  // namespace hib
