// Leaving the running kernel for good, into a plan whose segments lie where another kernel's region was.
#pragma once

#include "lib/base/error.h"
#include "lib/jump/boot/load_plan.h"

namespace hib::jump {

// Loads the plan by kexec_load(2), which copies it to its place only when the kernel is left. Needs root and
// a kernel that is not locked down. Nothing has changed yet when this returns.
Result<void> kexec_load(const LoadPlan& plan);

// Takes back what was loaded.
void kexec_unload();

// Shuts the devices and the other processors down and enters it. Returns only when that failed.
Error kexec_enter();

}  // namespace hib::jump
