// Records that somebody adds to those of an image: of a probe, of a file, of a machine that hibernates.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/image/record.h"

namespace hib {

// Release or, where that is the same, version of two kernels.
struct OtherKernel {
  std::string in_memory;
  std::string added;
};

// The kernel that the added record "machine" names, where the memory names another one.
std::optional<OtherKernel> other_kernel(const std::vector<Record>& records, const std::vector<Record>& added);

// Fields that are added win, a list of fields of one name as a whole. Two exceptions: what the image says of
// its kernel stays, and nothing is taken of another kernel.
void add_records(std::vector<Record>& records, const std::vector<Record>& added);

}  // namespace hib
