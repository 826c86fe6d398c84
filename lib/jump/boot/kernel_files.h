// Where the files of an installed kernel are.
#pragma once

#include <string>

namespace hib::jump {

// Its vmlinuz: in /boot, or where distributions that leave /boot to the boot loader have it, beside its
// modules. Where it is nowhere, the name that it has in /boot.
std::string kernel_file(const std::string& release);

// Its modules: below /lib, which is a link to /usr/lib on most systems, or else below /usr/lib.
std::string modules_folder(const std::string& release);

}  // namespace hib::jump
