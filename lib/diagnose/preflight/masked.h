// A pre-flight that can go into a bug ticket: what tells who and which machine it is of stands there under
// pseudonyms.
#pragma once

#include <string>
#include <vector>

#include "lib/diagnose/preflight/preflight.h"

namespace hib::diagnose {

// All texts of the report. `request` is what it was made of.
PreflightReport masked(PreflightReport report, const PreflightRequest& request);
// `others`: further paths of the command.
Error masked(Error error, const PreflightRequest& request, const std::vector<std::string>& others = {});

}  // namespace hib::diagnose
