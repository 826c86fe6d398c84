// Drivers find their devices in their own time.
#pragma once

#include <functional>
#include <string>

#include "lib/base/error.h"
#include "lib/device/device.h"

namespace hib::device {

// Of this machine, or of the one whose /proc and /sys lie below `root`.
Result<DeviceSet> devices_here(const std::string& root);

// This machine's, looked at again and again until `are_enough` says so, at most `seconds` long.
DeviceSet await_devices(unsigned seconds, const std::function<bool(const DeviceSet&)>& are_enough);

}  // namespace hib::device
