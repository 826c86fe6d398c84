#pragma once

#include "lib/image/format.h"

namespace hib::swsusp {
extern const Format kSwapFormat;      // in a swap area
extern const Format kSnapshotFormat;  // the stream of /dev/snapshot
}  // namespace hib::swsusp
