// Records the machine that this runs on, or a captured tree, as the records that images carry.
#pragma once

#include <vector>

#include "lib/device/device.h"
#include "lib/device/probe/tree.h"
#include "lib/image/record.h"

namespace hib::device {

struct Probe {
  Record machine;     // "machine" (docs/format/records.md): kernel, firmware memory map, loaded modules
  DeviceSet devices;  // parents before children
};

// Never fails: what cannot be read is said value by value.
Probe probe(const Tree& tree);
Record probe_machine(const Tree& tree);  // without looking at devices

// The records as an image carries them: "machine" and "devices".
std::vector<Record> records_of(const Probe& probe);

}  // namespace hib::device
