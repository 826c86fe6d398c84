// What arm --check says: a line for each thing that was looked at, the worst first.
#pragma once

#include <ostream>

#include "lib/jump/check/check.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_arm_check(std::ostream& out, const Style& style, const jump::CheckReport& report);
Json json_of_arm_check(const jump::CheckReport& report);

}  // namespace hib::report
