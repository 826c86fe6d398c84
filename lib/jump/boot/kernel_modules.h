// The kernel modules that the saver needs: those that drive the way to a block device, and their
// dependencies.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"

namespace hib::jump {

struct KernelModule {
  std::string name;
  std::string path;
  std::vector<std::byte> content;  // not compressed
};

// The modules whose drivers are bound to the block device /sys/dev/block/MAJOR:MINOR and to all devices above
// it, in no order. A built-in driver has no module. `root` is "" for this machine.
std::vector<std::string> modules_driving(unsigned major, unsigned minor, const std::string& root);

// The modules of the hardware's watchdogs, whether they run or not.
std::vector<std::string> modules_driving_watchdogs(const std::string& root);

// Finds the modules of a kernel and what they need, in the order of loading. A name that no file has is built
// in and left out. `folder` is /lib/modules/RELEASE.
Result<std::vector<KernelModule>> read_modules(const std::string& folder,
                                               const std::vector<std::string>& names);

}  // namespace hib::jump
