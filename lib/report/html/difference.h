// What has changed between two images, as one page that needs nothing else.
#pragma once

#include <string>

#include "lib/ops/compare.h"

namespace hib::report {

std::string html_of_difference(const Difference& difference, const Side& before, const Side& now);

}  // namespace hib::report
