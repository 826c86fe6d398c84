// What one processor has and another one has not.
#pragma once

#include <ostream>
#include <vector>

#include "lib/jump/restore/processor.h"
#include "lib/ops/compare.h"
#include "lib/report/json.h"

namespace hib::report {

Json json_of_processor(const std::vector<jump::ProcessorDifference>& differences);

// Nothing where a side does not say which processor its machine had.
std::optional<std::vector<jump::ProcessorDifference>> processor_differences(const Side& before,
                                                                            const Side& now);

void print_processor(std::ostream& out, const std::vector<jump::ProcessorDifference>& differences,
                     const Side& before, const Side& now);

}  // namespace hib::report
