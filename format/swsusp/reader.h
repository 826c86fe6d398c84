// Readers of hibernation images.
#pragma once

#include "format/swsusp/locate.h"
#include "format/swsusp/swap_stream.h"
#include "lib/image/format.h"

namespace hib::swsusp {

// Swap areas of every dialect: swsusp, uswsusp, TuxOnIce.
bool recognise_swap(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open_swap(std::shared_ptr<const File> file, const OpenOptions& options);

// The image that a swap header leads to. `stream`: opened by it.
Result<std::unique_ptr<ImageReader>> read_swsusp(const Located& found, std::unique_ptr<SwapStream> stream);
Result<std::unique_ptr<ImageReader>> read_uswsusp(const Located& found, const std::string& passphrase);

// The stream of /dev/snapshot in a file.
bool recognise_snapshot(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open_snapshot(std::shared_ptr<const File> file,
                                                   const OpenOptions& options);

}  // namespace hib::swsusp
