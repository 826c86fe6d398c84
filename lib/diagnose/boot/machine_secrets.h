// What tells which machine was looked at: its names, and the identities of its devices.
#pragma once

#include "lib/device/device.h"
#include "lib/device/probe/tree.h"
#include "lib/diagnose/mask.h"

namespace hib::diagnose::boot {

void learn_names(const device::Tree& tree, Mask& mask);
void learn_devices(const device::DeviceSet& devices, Mask& mask);

void hide(device::DeviceSet& devices, Mask& mask);

}  // namespace hib::diagnose::boot
