// Areas: room for an image on a device that holds, or held, something else too (docs/format/hib.md §8). An
// area is claimed before its image is written, and found again by the id of the claim.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/history.h"
#include "lib/os/file.h"
#include "lib/os/output.h"

namespace hib {

inline constexpr std::uint64_t kAreaHeadBytes =
    4096;  // the page before an area's image; it says what the area is

enum class AreaKind {
  Whole,   // the device is the image's: no head
  Swap,    // the head is the device's swap header with another signature, the image is all that follows
  Blocks,  // the head is the first page of a file, and lists where the rest of the file lies
};

struct Area {
  AreaKind kind = AreaKind::Whole;
  std::uint64_t head = 0;           // where on the device
  std::vector<DeviceRange> places;  // of the image, in its order

  std::uint64_t head_page() const { return head / kAreaHeadBytes; }
};

// What a format offers whose images can lie in areas and keep a history.
struct AreaOperations {
  // The area whose head, or whose image, lies at byte `head` of the device. Whole where there is no head;
  // whether an image lies there is not looked at.
  Result<Area> (*find)(const File& device, std::uint64_t head);
  // The image of the area as a file of its own; the file itself where the area is Whole.
  Result<std::shared_ptr<const File>> (*open)(std::shared_ptr<const File> device, std::uint64_t head);
  // The area that a swap device, not in use, can be made into; NotRecognised where it has no swap header.
  Result<Area> (*of_swap)(const File& device);
  // The area of a file of a mounted file system, by where its pieces lie on the device.
  Result<Area> (*of_file)(const File& file, std::uint64_t device_bytes);
  // Writes the head, or undoes it: a Swap area becomes a swap device again. What else the page holds is kept.
  Result<void> (*write_head)(const File& device, const Area& area);
  Result<void> (*remove_head)(const File& device, const Area& area);
  // Claims the area for an image. An earlier image there is not an image any more.
  Result<void> (*write_claim)(Output& place, const std::vector<Breadcrumb>& history);

  // Of an image, complete or not. Reads nothing but its header and its history.
  Result<std::vector<Breadcrumb>> (*read_history)(const File& image);
  // Writes the next free entry in place and flushes it. Nothing else in the image changes.
  Result<void> (*append_history)(const File& image, Phase phase, std::uint64_t time_ns,
                                 const std::string& text);
};

}  // namespace hib
