// Would a machine accept an image? Makes the comparisons that the kernel makes before it resumes.
#pragma once

#include <vector>

#include "format/swsusp/image_record.h"
#include "lib/image/reader.h"
#include "lib/os/machine.h"

namespace hib::swsusp {

// One layer for each comparison. Bad: the kernel would refuse, with the message that it would print.
// NotChecked: a file that the comparison needs cannot be read.
std::vector<Layer> check_acceptance(const ImageRecord& image, const Machine& machine);

}  // namespace hib::swsusp
