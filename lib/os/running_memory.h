// The memory of the machine that this runs on.
#pragma once

#include "lib/base/error.h"

namespace hib {

inline constexpr const char* kRunningMachine = "/proc/kcore";
// What the reader of such a file says that it is (ImageInfo::variant), and of no other one.
inline constexpr const char* kRunningVariant = "the running machine";

// Why not, in words: no root, no such kernel, locked down.
Result<void> can_read_running_machine();

}  // namespace hib
