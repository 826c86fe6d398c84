// What rearm found, and what it did.
#pragma once

#include <ostream>

#include "lib/ops/rearm.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_rearm(std::ostream& out, const Style& style, const RearmReport& report);
std::string refusals_of(const RearmReport& report);  // "image, file system 41e0…"
Json json_of_rearm(const RearmReport& report);

}  // namespace hib::report
