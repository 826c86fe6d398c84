// Would a machine accept an image? The comparisons that the kernel makes before it resumes, made before it is
// asked.
#pragma once

#include <vector>

#include "format/swsusp/image_record.h"
#include "lib/image/reader.h"
#include "lib/os/machine.h"

namespace hib::swsusp {

// One layer for each comparison. Bad: the kernel would refuse, with the message that it would print.
// NotChecked: what it takes cannot be read.
std::vector<Layer> check_acceptance(const ImageRecord& image, const Machine& machine);

}  // namespace hib::swsusp
