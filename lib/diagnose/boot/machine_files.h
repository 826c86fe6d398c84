// Which machine is looked at, and what is read in place of its own files.
#pragma once

#include <string>
#include <vector>

#include "lib/device/probe/tree.h"

namespace hib::diagnose::boot {

struct MachineFiles {
  std::string root;       // of a captured or mounted system; empty: this machine
  std::string initramfs;  // a file; empty: the one of the next boot
  std::string cmdline;    // a file with the kernel's command line
  std::string efivars;    // a folder with the firmware's variables
};

// Those that are named.
std::vector<std::string> inputs_of(const MachineFiles& files);

// Fails where `root` is no folder of a system, or a file that was named is not there.
Result<device::Tree> open_tree(const MachineFiles& files);

}  // namespace hib::diagnose::boot
