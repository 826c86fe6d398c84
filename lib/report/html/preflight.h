// A pre-flight as one page that needs nothing else.
#pragma once

#include <string>

#include "lib/diagnose/preflight/preflight.h"

namespace hib::report {

std::string html_of_preflight(const diagnose::PreflightReport& report);

}  // namespace hib::report
