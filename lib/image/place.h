// Where on a device an image begins that no header leads to: what --at takes, and inspect --carve lists.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/error.h"

namespace hib {

struct ImagePlace {
  std::uint64_t block = 0;  // in pages of the machine, counted on the device that held the image
  // The file's byte that is the first of that device. Negative: the file begins further on. Nothing: to be
  // found out.
  std::optional<std::int64_t> device_start;
};

// "2049", or "2049@0x100000" with the start of the device where that is not the file's.
std::string to_text(const ImagePlace& place);

// The value of --at: a place for each image of the command line, or "auto". Of image number `position`;
// nothing where none was given.
Result<std::optional<ImagePlace>> place_of_image(const std::string& list, std::size_t position);

// What is wrong with it as a value for `images` images (at least one); empty: nothing.
std::string complaint_about_places(const std::string& list, std::size_t images);

}  // namespace hib
