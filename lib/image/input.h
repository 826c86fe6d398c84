// What the user names as an image, down to the image itself: an NBD server, a disk image of a virtual machine
// and a compressed file hold it, and may hold one another.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "lib/image/info.h"
#include "lib/os/file.h"

namespace hib {

// What compressed files take: bytes of the file. `what` is "gzip".
using UnpackProgress = std::function<void(std::string_view what, std::uint64_t done, std::uint64_t total)>;

// Compressed files are unpacked to an unnamed file (lib/os/spool.h). A broken one ends where it breaks:
// File::wrappings() says so.
Result<std::shared_ptr<const File>> open_input(const std::string& path, const UnpackProgress& progress = {});

// What every reader says of its file.
void describe_input(const File& file, ImageInfo& info);

}  // namespace hib
