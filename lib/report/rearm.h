// What rearm found, and what it did.
#pragma once

#include <ostream>

#include "lib/ops/rearm.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_rearm(std::ostream& out, const Style& style, const RearmReport& report);
Json json_of_rearm(const RearmReport& report);

}  // namespace hib::report
