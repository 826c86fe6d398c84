// The file systems on a disk, and how far they have been written.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/fs/marks.h"
#include "lib/os/file.h"

namespace hib::fs {

struct OnDisk {
  std::string path;  // of the device or file that was looked at
  std::string type;  // "ext", "btrfs", "xfs"
  std::string uuid;
  Marks marks;
  std::uint64_t log_sectors = 0;  // xfs
};

// In the whole of it and in each of its partitions. What cannot be read holds none.
std::vector<OnDisk> file_systems_on(const File& disk);

}  // namespace hib::fs
