// An image as one page that needs nothing else: its memory, its file, its devices, its history.
#pragma once

#include <string>
#include <string_view>

#include "lib/report/inspect.h"

namespace hib::report {

// Of a report with strip, map and damage. `format_title` as Formats::title() has it.
std::string html_of_inspected(const Inspected& image, std::string_view format_title);

}  // namespace hib::report
