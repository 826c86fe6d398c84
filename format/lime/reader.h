// LiME 1: a header before each range of memory (504ensicsLabs/LiME, src/lime.h).
#pragma once

#include "lib/image/format.h"

namespace hib::lime {

bool recognise(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

}  // namespace hib::lime
