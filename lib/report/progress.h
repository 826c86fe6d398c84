// How far a long piece of work is.
#pragma once

#include <ostream>
#include <string>

#include "lib/ops/pipeline.h"

namespace hib::report {

enum class ProgressForm {
  Silent,     // but for SIGUSR1, which is answered with one line, as dd does
  Line,       // on a terminal: share, speed, time left; redrawn at most twice a second; gone when done
  Documents,  // documents "hibtool.progress" (docs/json.md), one a line, at most two a second and a last one
};

// "verify [####....] 17 %": `what` stands in front. The line lives as long as the callback and its copies.
ProgressCallback progress_to(std::ostream& err, ProgressForm form, std::string what);

}  // namespace hib::report
