#include "lib/os/device_names.h"

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string_view>

#include <unistd.h>

#include <fmt/format.h>

extern "C" {
#include <pci/pci.h>
}

namespace hib {
namespace {

constexpr std::size_t kNameBytes = 256;
constexpr std::size_t kMaxUsbNames = 1U << 18;
constexpr std::uint32_t kVendorItself = 0xFFFF;

bool parse_id(std::string_view text, std::uint32_t& id) {
  if (text.size() < 4) return false;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + 4, id, 16);
  return error == std::errc() && stop == text.data() + 4;
}

// "1d6b  Linux Foundation", and below it "<tab>0002  2.0 root hub". The list ends where other tables begin
// ("C 00 …").
std::unordered_map<std::uint32_t, std::string> read_usb_ids() {
  std::unordered_map<std::uint32_t, std::string> names;
  for (const char* path :
       {"/usr/share/misc/usb.ids", "/var/lib/usbutils/usb.ids", "/usr/share/hwdata/usb.ids"}) {
    std::ifstream file(path);
    std::uint32_t vendor = 0;
    bool has_vendor = false;
    for (std::string line; names.size() < kMaxUsbNames && std::getline(file, line);) {
      std::uint32_t id = 0;
      if (line.size() > 7 && line[0] == '\t' && line[1] != '\t' && has_vendor &&
          parse_id(std::string_view(line).substr(1), id)) {
        names.emplace(vendor << 16 | id, line.substr(7));
      } else if (line.size() > 6 && line.compare(4, 2, "  ") == 0 && parse_id(line, id)) {
        vendor = id;
        has_vendor = true;
        names.emplace(vendor << 16 | kVendorItself, line.substr(6));
      } else if (!line.empty() && line[0] != '\t' && line[0] != '#') {
        has_vendor = false;
      }
    }
    if (!names.empty()) break;
  }
  return names;
}

// libpci calls these where it has been given none, unless pci_init() is called, which wants to look at
// devices.
void say_nothing(char*, ...) {}
__attribute__((noreturn)) void end_here(char*, ...) {
  constexpr std::string_view kText = "hibtool: libpci could not go on\n";
  static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
  ::_exit(2);
}

// Names from the files of this machine only: no DNS, no network.
std::string look_up(pci_access* access, int flags, int first, int second) {
  if (access == nullptr) return "";
  char buffer[kNameBytes];
  const char* name = pci_lookup_name(access, buffer, sizeof buffer,
                                     flags | PCI_LOOKUP_NO_NUMBERS | PCI_LOOKUP_NO_HWDB, first, second);
  return name == nullptr ? "" : name;
}

}  // namespace

void DeviceNames::Free::operator()(pci_access* access) const { pci_cleanup(access); }

// Only the lists of names are used: libpci is told to look at no device.
DeviceNames::DeviceNames(bool numeric) {
  if (numeric) return;
  usb_ = read_usb_ids();
  pci_.reset(pci_alloc());
  if (!pci_) throw std::bad_alloc();
  pci_->method = PCI_ACCESS_DUMP;
  pci_->numeric_ids = 0;
  pci_->id_lookup_mode =
      0;  // else a miss reads the user's cache of DNS answers (and libpci 3.13 leaks that file's name)
  pci_->error = end_here;
  pci_->warning = say_nothing;
  pci_->debug = say_nothing;
}

DeviceNames::~DeviceNames() = default;

std::string DeviceNames::pci(std::uint16_t vendor, std::uint16_t device) const {
  const std::string maker = look_up(pci_.get(), PCI_LOOKUP_VENDOR, vendor, 0);
  const std::string model = look_up(pci_.get(), PCI_LOOKUP_DEVICE, vendor, device);
  if (maker.empty()) return model;
  return maker + " " + (model.empty() ? fmt::format("device {:04x}", device) : model);
}

std::string DeviceNames::pci_class(std::uint16_t class_and_subclass) const {
  return look_up(pci_.get(), PCI_LOOKUP_CLASS, class_and_subclass, 0);
}

std::string DeviceNames::usb(std::uint16_t vendor, std::uint16_t product) const {
  const auto maker = usb_.find(std::uint32_t{vendor} << 16 | kVendorItself);
  const auto model = usb_.find(std::uint32_t{vendor} << 16 | product);
  if (maker == usb_.end()) return "";
  return model == usb_.end() ? maker->second : maker->second + " " + model->second;
}

}  // namespace hib
