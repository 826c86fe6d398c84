// Finds hibernation images by their own structure: in a device or file whose swap header is gone, or leads to
// another image.
#pragma once

#include "lib/image/carve.h"
#include "lib/image/reader.h"
#include "lib/os/file.h"

namespace hib::swsusp {

// Reads the file once, then what the images found say of themselves. `options`: the passphrase.
Result<Carving> carve(std::shared_ptr<const File> file, const OpenOptions& options,
                      const CarveProgress& progress);

// The image at OpenOptions::at.
Result<std::unique_ptr<ImageReader>> open_at(std::shared_ptr<const File> file, const OpenOptions& options);

// Would carve() find something? Looks at some tens of MiB, and may say no where the answer is yes.
bool seems_to_hold_images(const std::shared_ptr<const File>& file);

}  // namespace hib::swsusp
