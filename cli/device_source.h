// Where devices come from: the records of an image, a file that "hibtool probe" wrote, or the machine itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/common.h"
#include "lib/device/device.h"
#include "lib/image/record.h"

namespace hib::cli {

// Nothing when there is no record of devices.
Result<std::optional<device::DeviceSet>> devices_in(const std::vector<Record>& records, const std::string& file);

// The records of a file that "hibtool probe" wrote; nothing when it is none. Recognised by content, as an object with the
// schema hibtool.probe.
Result<std::optional<std::vector<Record>>> probe_records(const std::string& path);

// Of this machine, or of the one whose /proc and /sys lie below `root`.
Result<device::DeviceSet> devices_here(const std::string& root);

}  // namespace hib::cli
