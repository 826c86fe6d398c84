// What was found of images without their headers.
#pragma once

#include <ostream>

#include "lib/ops/carve.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_carve(std::ostream& out, const Style& style, const Formats& formats, const CarveReport& report);
Json json_of_carve(const CarveReport& report);

}  // namespace hib::report
