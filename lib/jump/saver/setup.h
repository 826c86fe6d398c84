// The saver's kernel, set up by the only program that runs in it.
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace hib::jump {

// /proc, /sys and /dev.
Result<void> mount_kernel_file_systems();

// `allow_untested`: somebody allowed it on this kernel series in the machine.
Result<void> load_jump_module(bool allow_untested);

// All others of the initramfs, in the order of their names. Returns why some could not be loaded, or "". A
// missing one matters only when a device turns out to be missing.
std::string load_drivers();

// The kernel has begun with one processor (maxcpus=1). Starts up to three more, which only make it faster: a
// failure is no error.
void start_other_processors();

// The saver has the time from the mainboard's clock, which counts whole seconds. Without this, the image's
// history could say that the saver acted before the machine left.
void set_clock_not_before(std::uint64_t nanoseconds);

// The machine may have changed them, and the target may lie elsewhere than in the saver's old tables.
Result<void> read_partitions_again();

// Into the kernel's log: a panic takes it along into the machine.
void log(const std::string& text);

// Returns only when that failed.
Error power_off();

}  // namespace hib::jump
