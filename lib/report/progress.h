// A progress line on a terminal: share, speed, time left. Redrawn at most twice a second; gone when done.
// Without a terminal, or on a dumb one, it says nothing, but answers SIGUSR1 with one line, as dd does.
#pragma once

#include <ostream>
#include <string>

#include "lib/ops/pipeline.h"

namespace hib::report {

// "verify [####....] 17 %": `what` stands in front. The line lives as long as the callback and its copies.
ProgressCallback progress_line(std::ostream& err, bool is_drawn, std::string what);

}  // namespace hib::report
