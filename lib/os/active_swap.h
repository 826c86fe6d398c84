// Does this machine swap to it? What is written there would be lost, or read back as a program's memory.
#pragma once

#include <sys/stat.h>

namespace hib {

// By what stat(2) says of the device or the file, whatever its name.
bool is_active_swap(const struct stat& status);

}  // namespace hib
