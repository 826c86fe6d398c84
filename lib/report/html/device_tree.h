// The devices of a machine as a tree: each below what it hangs from.
#pragma once

#include "lib/device/device.h"
#include "lib/report/html/writer.h"

namespace hib::report {

void add_device_tree(Html& html, const device::DeviceSet& devices);

}  // namespace hib::report
