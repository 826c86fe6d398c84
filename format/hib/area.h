// Areas: an image on a device that holds, or held, something else too (docs/format/hib.md §8).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/area.h"
#include "lib/os/file.h"

namespace hib::hib_image {

// The area whose head, or whose image, lies at byte `head` of the device. Whole where there is no head;
// whether an image lies there is not looked at.
Result<Area> find_area(const File& device, std::uint64_t head);

// The image of the area as a file of its own; the file itself where the area is Whole.
Result<std::shared_ptr<const File>> open_area(std::shared_ptr<const File> device, std::uint64_t head);

// The area that a swap device, not in use, can be made into; NotRecognised where it has no swap header of 4
// KiB pages.
Result<Area> area_of_swap(const File& device);

// The area of a file of a mounted file system whose pieces lie so on the device.
Result<Area> area_of_file(const File& file, std::uint64_t device_bytes);

// Writes the head, or undoes it: a Swap area becomes a swap device again. What else the page holds is kept.
Result<void> write_area_head(const File& device, const Area& area);
Result<void> remove_area_head(const File& device, const Area& area);

}  // namespace hib::hib_image
