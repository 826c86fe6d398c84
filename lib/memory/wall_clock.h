// What time it was when the snapshot was made, as the kernel in the image kept it.
#pragma once

#include <cstdint>

#include "lib/memory/kernel.h"

namespace hib::memory {

// Microseconds since 1970, to the second or so: the timekeeper stands still before the snapshot is made.
// Corrupt where it is no time of this century; NotFound where this kernel's timekeeper is another one.
Result<std::uint64_t> wall_clock_us(const Kernel& kernel);

}  // namespace hib::memory
