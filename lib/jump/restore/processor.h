// Can the machine go on on this processor? Its kernel has chosen its code, its control registers and its
// clock by the one that it had, and looks at none of that again.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/jump/processor.h"

namespace hib::jump {

// What --accept takes.
inline constexpr std::string_view kAcceptProcessor = "processor=other";

struct ProcessorDifference {
  std::string what;      // "features"
  std::string found;     // here
  std::string expected;  // of the machine
  std::string advice;    // what to do; empty: nothing helps
};

// Everything that speaks against it. What this processor has more than the machine's does not. `here` may
// lack what only the kernel module knows.
std::vector<ProcessorDifference> compare_processors(const Processor& saved, const Processor& here);

// For people: one line.
Error error_of(const ProcessorDifference& difference, const std::string& image);

}  // namespace hib::jump
