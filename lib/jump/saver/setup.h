// The saver's kernel, set up by the only program that runs in it.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace hib::jump {

// /proc, /sys and /dev.
Result<void> mount_kernel_file_systems();

// All that can be loaded, in the order of their names. Returns why some could not, "" when all were: it
// matters only when something turns out to be missing. `allow_untested`: somebody allowed hibjump.ko on this
// kernel series in the machine.
std::string load_kernel_modules(bool allow_untested);

// The kernel has begun with one (maxcpus=1). Up to three more make the work faster; it can do without each of
// them.
void start_other_processors();

// The mainboard's clock, from which the saver has the time, counts whole seconds: in the image's history the
// saver would act before the machine.
void set_clock_not_before(std::uint64_t nanoseconds);

// The machine may have changed them. What the saver remembers would lead it to where its target was.
Result<void> read_partitions_again();

// Returns only when that failed.
Error power_off();

}  // namespace hib::jump
