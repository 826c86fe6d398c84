// The value of --format: a name for each image, in the order of the command line. "hib", or "auto,raw".
#pragma once

#include <cstddef>
#include <string>

#include "lib/image/format.h"

namespace hib {

// What is wrong with it as a value for `images` images (at least one); empty: nothing.
std::string complaint_about_formats(const std::string& value, const Formats& formats, std::size_t images);

// Of image number `position`; the last name counts for all images that follow. Empty: none was given.
std::string format_name_at(const std::string& value, std::size_t position);

}  // namespace hib
