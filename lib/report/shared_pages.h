// What several images have in common, as a matrix for people and as the document hibtool.diff-matrix.
#pragma once

#include <ostream>

#include "lib/ops/shared_pages.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_shared_pages(std::ostream& out, const Style& style, const SharedPagesReport& report);
Json json_of_shared_pages(const SharedPagesReport& report);

}  // namespace hib::report
