// Would a machine accept a hibernation image? The kernel could tell too, but it removes the signature to do
// so.
#pragma once

#include <vector>

#include "lib/image/format.h"

namespace hib {

// One layer for each comparison that the kernel makes. Bad: it would refuse, with the message that it would
// print. NotChecked: a file that the comparison needs cannot be read. ErrorKind::Usage when the image has no
// record to compare.
Result<std::vector<Layer>> check_acceptance(const Formats& formats, const ImageReader& image,
                                            const Machine& machine);

}  // namespace hib
