// Would a machine accept a hibernation image? Asked before the kernel is, which takes the signature away to
// find out.
#pragma once

#include <vector>

#include "lib/image/format.h"

namespace hib {

// One layer for each comparison that the kernel makes: Bad, it would refuse, with the message that it would
// print; NotChecked, what the comparison takes cannot be read. Usage when the image has no record that this
// can be told from.
Result<std::vector<Layer>> check_acceptance(const Formats& formats, const ImageReader& image,
                                            const Machine& machine);

}  // namespace hib
