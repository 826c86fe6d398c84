// What a post-mortem found: the session first, then the verdict, what shows it, what to do, and what is not
// the cause.
#pragma once

#include <ostream>

#include "lib/diagnose/post_mortem/post_mortem.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

void print_post_mortem(std::ostream& out, const Style& style, const diagnose::PostMortem& report);
Json json_of_post_mortem(const diagnose::PostMortem& report);  // hibtool.diagnose

}  // namespace hib::report
