// ELF vmcores: /proc/vmcore, makedumpfile -E, QEMU's dump-guest-memory.
#pragma once

#include "lib/image/format.h"

namespace hib::elf {

bool recognise(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

}  // namespace hib::elf
