// Breadcrumbs: how far a save or a resume got, appended in place to a finished image (docs/format/hib.md §7).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "format/hib/decode.h"
#include "lib/base/error.h"
#include "lib/os/file.h"

namespace hib::hib_image {

// Writes the next free entry of an image, which may be a window, and flushes it; `time_ns` is nanoseconds
// since 1970 or 0. At most 96 bytes of `text` are kept. Nothing else in the image changes. Full or damaged
// breadcrumbs are an error.
Result<void> append_breadcrumb(const File& image, Phase phase, std::uint64_t time_ns,
                               const std::string& text);

// The breadcrumbs block, `area_bytes` long, with these entries; those that do not fit are left out.
std::vector<std::byte> encode_breadcrumbs(const std::vector<Breadcrumb>& breadcrumbs, std::size_t area_bytes);

// What an image, complete or not, says of its history. Reads nothing but its header and the breadcrumbs.
Result<std::vector<Breadcrumb>> read_breadcrumbs(const File& image);

}  // namespace hib::hib_image
