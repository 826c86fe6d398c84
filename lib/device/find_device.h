// The device that a person has named.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/device/device.h"
#include "lib/image/record.h"

namespace hib::device {

// `name`: "sda", "/dev/sda", "0000:00:1f.2", "00:1f.2", or its path. No device and several devices of that
// name are errors.
Result<const Device*> find_device(const DeviceSet& set, const std::string& name);

// Of the records of the image at `path`; NotFound where it has none of devices.
Result<Device> device_in_records(const std::vector<Record>& records, const std::string& name,
                                 const std::string& path);

}  // namespace hib::device
