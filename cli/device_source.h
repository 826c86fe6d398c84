// Where devices come from: the records of an image, a file that "hibtool probe" wrote, or the machine itself.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/common.h"
#include "lib/device/device.h"
#include "lib/image/record.h"

namespace hib::cli {

// Nothing when there is no record of devices.
Result<std::optional<device::DeviceSet>> devices_in(const std::vector<Record>& records,
                                                    const std::string& file);

// The records of a file that "hibtool probe" wrote; nothing when it is none. Recognised by content, as an
// object with the schema hibtool.probe.
Result<std::optional<std::vector<Record>>> probe_records(const std::string& path);

// Of this machine, or of the one whose /proc and /sys lie below `root`.
Result<device::DeviceSet> devices_here(const std::string& root);

// This machine's, looked at again and again until `are_enough` says so, at most `seconds` long: drivers find
// their devices in their own time.
device::DeviceSet await_devices(unsigned seconds,
                                const std::function<bool(const device::DeviceSet&)>& are_enough);

// Says of the disk or partition at `path` that it carries the image of this jump. `source` is who says so.
void mark_image(device::DeviceSet& set, const std::string& path, const std::string& jump_id,
                std::string_view source);

}  // namespace hib::cli
