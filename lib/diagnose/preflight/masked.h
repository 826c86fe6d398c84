// A pre-flight that can go into a bug ticket: what tells who and which machine it is of stands there under
// pseudonyms.
#pragma once

#include "lib/diagnose/preflight/preflight.h"

namespace hib::diagnose {

// All texts of the report. `files` is what it was made of.
PreflightReport masked(PreflightReport report, const boot::MachineFiles& files);
Error masked(Error error, const boot::MachineFiles& files);

}  // namespace hib::diagnose
