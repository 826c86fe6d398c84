// What several images have in common, as one page that needs nothing else.
#pragma once

#include <string>

#include "lib/ops/shared_pages.h"

namespace hib::report {

std::string html_of_shared_pages(const SharedPagesReport& report);

}  // namespace hib::report
