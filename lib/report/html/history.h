// How far a save or a resume got, as the image itself keeps it: a section of a page.
#pragma once

#include <vector>

#include "lib/image/history.h"
#include "lib/report/html/writer.h"

namespace hib::report {

void add_history(Html& html, const std::vector<Breadcrumb>& history);  // nothing where there is none

}  // namespace hib::report
