// The partitions of a disk or a disk image, as libblkid finds them: DOS and GPT tables, and what else it
// knows.
#pragma once

#include <string>
#include <vector>

#include "lib/os/file.h"

namespace hib {

struct Partition {
  int number = 0;
  std::uint64_t offset = 0;  // bytes
  std::uint64_t size = 0;
  std::uint64_t missing = 0;  // bytes of it that lie behind the end of the file; `size` is without them
};

// Empty when there is no table. Partitions that begin past the end of the file are left out: of a disk whose
// copy ends too early, what is there is found.
std::vector<Partition> list_partitions(const File& file);

// The name of what lies on a device ("ext4", "swap", "gpt partition table"); "" when libblkid knows nothing
// of it, and "more than one thing" when it cannot decide.
std::string content_name(const File& file);
// Of a part of it.
std::string content_name(const File& file, std::uint64_t offset, std::uint64_t size);

// What writing to a device would destroy: its content_name(), or where it is not zero. Looks at the first and
// the last MiB; "" when there is nothing.
Result<std::string> what_lies_on(const File& device);

}  // namespace hib
