// What udev keeps of a block device, in /run/udev/data/bMAJOR:MINOR.
#pragma once

#include <string>

#include "lib/device/probe/tree.h"

namespace hib::device {

// By libblkid's names, as Tree::block_facts has them: of "E:ID_FS_UUID=…" it is UUID. Without what is no such
// line.
Facts facts_from_udev(const std::string& text);

}  // namespace hib::device
