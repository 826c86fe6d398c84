// The memory of the machine that this runs on.
#pragma once

#include "lib/base/error.h"

namespace hib {

inline constexpr const char* kRunningMachine = "/proc/kcore";

// Why not, in words: no root, no such kernel, locked down.
Result<void> can_read_running_machine();

}  // namespace hib
