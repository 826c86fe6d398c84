// The files that show an image's memory: one for each format that says so (Format::mounted_as).
#pragma once

#include <vector>

#include "lib/image/format.h"
#include "lib/mount/memory.h"
#include "lib/mount/server.h"

namespace hib::mount {

// `image` must outlive them.
Result<std::vector<MountedFile>> memory_files(const ImageReader& image, const Formats& formats,
                                              MemoryOptions options);

}  // namespace hib::mount
