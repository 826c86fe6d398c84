// The device that a person has named.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/device/device.h"

namespace hib::device {

// `name`: "sda", "/dev/sda", "0000:00:1f.2", "00:1f.2", or its path. No device and several devices of that
// name are errors.
Result<const Device*> find_device(const DeviceSet& set, const std::string& name);

}  // namespace hib::device
