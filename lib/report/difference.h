// What diff says: of memory, of devices, or of both.
#pragma once

#include <ostream>

#include "lib/ops/compare.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

Json json_of_difference(const Difference& difference, const Side& before, const Side& now);
void print_difference(std::ostream& out, const Style& style, const Difference& difference, const Side& before,
                      const Side& now);

}  // namespace hib::report
