// Raw physical memory: the file is the memory, from --base-address on.
#pragma once

#include "lib/image/format.h"

namespace hib::raw {

bool recognise(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

}  // namespace hib::raw
