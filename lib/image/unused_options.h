// An option that no image of a command uses is an error: whoever gave it expects something of it.
#pragma once

#include <vector>

#include "lib/image/format.h"

namespace hib {

// `images`: all of the command.
Result<void> refuse_unused(const Formats& formats, const OpenOptions& options,
                           const std::vector<ImageInfo>& images);

}  // namespace hib
