// What an image is, in a dozen lines.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/ops/inspect.h"
#include "lib/report/style.h"

namespace hib::report {

// Names and values, printable. A value without a name belongs to the one before.
std::vector<std::pair<std::string, std::string>> summary_of(const InspectReport& report);

// The same with the image's name and its findings. `format_title` as Formats::title() has it.
void print_summary(std::ostream& out, const Style& style, const InspectReport& report,
                   std::string_view format_title);

// "armed"; empty for an image without a header, whose variant says so.
std::string_view image_state(const ImageInfo& info);

}  // namespace hib::report
