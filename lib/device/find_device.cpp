#include "lib/device/find_device.h"

#include <fmt/format.h>

#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/device/device_record.h"

namespace hib::device {
namespace {

bool is_called(const Device& device, const std::string& name) {
  if (device.path == name || "/sys/" + device.path == name || device.name == name) return true;
  if (device.kind == Kind::Pci) return device.name == "0000:" + name;
  return name == "/dev/" + device.name && device.kind != Kind::FileSystem && device.kind != Kind::Swap;
}

}  // namespace

Result<const Device*> find_device(const DeviceSet& set, const std::string& name) {
  const Device* found = nullptr;
  std::uint64_t count = 0;
  for (const Device& device : set.devices) {
    if (!is_called(device, name)) continue;
    found = &device;
    ++count;
  }
  if (count == 1) return found;
  if (count == 0) {
    std::vector<std::string> names;
    for (const Device& device : set.devices) names.push_back(device.name);
    const std::string meant = nearest(name, names);
    return fail(make_error(ErrorKind::NotFound, "--device " + name, "no such device",
                           "a name, PCI address or path of --devices")
                    .advise(meant.empty() ? "" : fmt::format("did you mean \"{}\"?", meant)));
  }
  return fail(make_error(ErrorKind::Usage, "--device " + name, counted(count, "device") + " of that name",
                         "a path, as --devices --json prints it"));
}

Result<Device> device_in_records(const std::vector<Record>& records, const std::string& name,
                                 const std::string& path) {
  TRY(const auto set, devices_in(records, path));
  if (!set) {
    return fail(make_error(ErrorKind::NotFound, "--device " + name, "no device records in this image",
                           "one with them: create --records or --probe"));
  }
  TRY(const Device* found, find_device(*set, name));
  return *found;
}

}  // namespace hib::device
