// The path of an open file, as the kernel has it: names of dentries from the file up to the root, over
// mounts.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/memory/kernel.h"

namespace hib::memory {

// Limits of a walk.
inline constexpr unsigned kMaxPathParts = 4096;
inline constexpr std::size_t kMaxPathBytes = 64 << 10;
inline constexpr std::uint64_t kMaxNameBytes = 255;  // NAME_MAX

// Of the struct file at `file`: "/dev/vda1". It is hostile: printable() it. Corrupt where the walk does not
// end.
Result<std::string> path_of_file(const Kernel& kernel, Address file);

}  // namespace hib::memory
