// The other devices on the disk of a partition: where a machine that hibernated into one had its file
// systems.
#pragma once

#include <string>
#include <vector>

namespace hib {

// Paths below /dev of all partitions of the disk that `device` is on, and of what is made of those now (dm,
// md). Without `device` itself, sorted; none when it is no block device. `root` holds sys/, "" for this
// machine.
std::vector<std::string> devices_of_same_disk(const std::string& device, const std::string& root);

}  // namespace hib
