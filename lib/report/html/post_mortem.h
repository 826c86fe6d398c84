// A post-mortem as one page that needs nothing else: to be read, printed, or sent to somebody.
#pragma once

#include <string>

#include "lib/diagnose/post_mortem/post_mortem.h"

namespace hib::report {

std::string html_of_post_mortem(const diagnose::PostMortem& report);

}  // namespace hib::report
