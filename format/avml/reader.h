// AVML 2. Every chunk of 64 KiB has a CRC-32C, so what is read is what was written.
#pragma once

#include "lib/image/format.h"

namespace hib::avml {

bool recognise(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

}  // namespace hib::avml
