// Readers of hibernation images.
#pragma once

#include "lib/image/format.h"

namespace hib::swsusp {

// Swap areas of every dialect: swsusp, uswsusp, TuxOnIce.
bool recognise_swap(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open_swap(std::shared_ptr<const File> file, const OpenOptions& options);

// The stream of /dev/snapshot in a file.
bool recognise_snapshot(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open_snapshot(std::shared_ptr<const File> file,
                                                   const OpenOptions& options);

}  // namespace hib::swsusp
