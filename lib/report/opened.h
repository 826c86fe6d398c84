// What -v says of an image that was opened: how it was found, never what is in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/image/format.h"

namespace hib::report {

// Lines for people. `named`: the format that the user gave; empty or auto: none.
std::vector<std::string> details_of(const ImageReader& image, const Formats& formats, std::string_view named,
                                    const OpenOptions& options);

}  // namespace hib::report
