// Back into a machine that hibtool hibernate has saved. This is the restorer, the kernel of a later boot:
// everything that can be checked is checked before anything happens.
#pragma once

#include <vector>

#include "lib/base/error.h"
#include "lib/device/policy/policy.h"
#include "lib/image/format.h"
#include "lib/jump/restore/processor.h"
#include "lib/jump/restore/way_back.h"

namespace hib::jump {

struct NotResumed {
  Error error;
  bool nothing_there = false;                  // the target holds no image of a machine: an ordinary boot
  std::vector<device::Refusal> refusals;       // every device because of which it was refused
  std::vector<ProcessorDifference> processor;  // everything of the processor because of which it was refused
};

// Does not return when it succeeds.
NotResumed resume(const Formats& formats, const ResumeRequest& request);

}  // namespace hib::jump
