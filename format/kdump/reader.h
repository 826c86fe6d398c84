// kdump-compressed dumps (makedumpfile, QEMU's dump-guest-memory -z), flat or flattened.
#pragma once

#include "lib/image/format.h"

namespace hib::kdump {

bool recognise(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

}  // namespace hib::kdump
