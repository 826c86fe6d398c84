// The drivers below mounted file systems. With them the saver can read the file systems once the machine
// stands still.
#pragma once

#include <string>
#include <vector>

namespace hib::jump {

// The kernel modules below every block device that carries a mounted file system, through device mapper and
// md down to the disks; of a btrfs, all of its devices. Sorted; what cannot be read has none. `root` is ""
// for this machine.
std::vector<std::string> modules_driving_mounts(const std::string& root);

}  // namespace hib::jump
