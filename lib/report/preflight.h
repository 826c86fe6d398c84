// What a pre-flight found: a line for each check, the way to mend it below.
#pragma once

#include <ostream>

#include "lib/diagnose/preflight/preflight.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

// "2 reasons why it would not come back; 1 warning"
std::string preflight_headline(const diagnose::PreflightReport& report, const Style& style = Style(false));

void print_preflight(std::ostream& out, const Style& style, const diagnose::PreflightReport& report);
Json json_of_preflight(const diagnose::PreflightReport& report);  // hibtool.diagnose-preflight

}  // namespace hib::report
