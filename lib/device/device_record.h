// A set of devices as a record of an image, and back (docs/format/records.md, "devices").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/device/device.h"
#include "lib/image/record.h"

namespace hib::device {

Record to_record(const DeviceSet& set);

// The record may be anybody's: kinds, strengths and presences that this version does not know, devices
// without a path or with the path of another, parents that are missing or go in a circle, and more than
// kMaxDevices are errors that name the device.
Result<DeviceSet> from_record(const Record& record);

inline constexpr std::size_t kMaxDevices = 1U << 20;
inline constexpr std::size_t kMaxValues = 256;  // of the identity, or of the state, of one device
inline constexpr unsigned kMaxParents = 64;     // above one another

// Of the records of `file`; nothing when there is no record of devices.
Result<std::optional<DeviceSet>> devices_in(const std::vector<Record>& records, const std::string& file);

}  // namespace hib::device
