// What lies on a block device, as libblkid finds it.
#pragma once

#include <map>
#include <string>

#include "lib/os/file.h"

namespace hib {

// By libblkid's own names: TYPE, USAGE, UUID, UUID_SUB, LABEL, VERSION, PTTYPE, PTUUID, PART_ENTRY_UUID,
// PART_ENTRY_NAME, PART_ENTRY_TYPE, …; AMBIVALENT=1 when several things claim the device. Text as it lies on
// the device.
std::map<std::string, std::string> content_facts(const File& file);

}  // namespace hib
