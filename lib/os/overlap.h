// Do two paths lead to the same bytes? An output must be none of the inputs.
#pragma once

#include <string>

namespace hib {

// True when writing to one of them changes what the other reads: the same file or device, a partition and its
// disk, a loop device and its backing file, a volume (dm, md) and what it is made of. Two loop devices of one
// file count as the same, wherever in it they begin. False when either cannot be found.
bool may_overlap(const std::string& a, const std::string& b);

// True when `path`, which need not exist, leads to a place in `folder` or anywhere below it. False when
// `folder` is none.
bool lies_below(const std::string& path, const std::string& folder);

}  // namespace hib
