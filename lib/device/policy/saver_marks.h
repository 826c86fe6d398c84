// The saver reads the marks of the machine's file systems once the machine stands still. A later boot must
// find the same marks on the disks.
#pragma once

#include "lib/device/device.h"

namespace hib::device {

inline constexpr const char* kFromSaver = "saver";  // Value::from of such a mark

// For each file system and swap area of `saved` whose UUID exactly one of `seen` has, the marks of that one
// take the place of its own. Of a UUID that several have (a clone) the marks become unreadable; what was not
// seen keeps its own.
void take_marks(DeviceSet& saved, const DeviceSet& seen);

}  // namespace hib::device
