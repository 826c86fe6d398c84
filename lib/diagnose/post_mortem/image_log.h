// The log of the kernel that is in an image: it ends where the snapshot was made, and nobody can have forged
// it from outside.
#pragma once

#include <optional>

#include "lib/diagnose/log/log.h"
#include "lib/image/reader.h"

namespace hib::diagnose {

// Nothing where the image does not hold it.
std::optional<BootLog> log_in_image(const ImageReader& image);

}  // namespace hib::diagnose
