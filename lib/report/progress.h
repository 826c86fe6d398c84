// How far a long piece of work is.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

#include "lib/ops/pipeline.h"

namespace hib::report {

enum class ProgressForm {
  Silent,     // but for SIGUSR1, which is answered with one line, as dd does
  Line,       // on a terminal: share, speed, time left; redrawn at most twice a second; gone when done
  Documents,  // documents "hibtool.progress" (docs/json.md), one a line, at most two a second and a last one
};

// "verify [####....] 17 %": `what` stands in front. The line lives as long as the callback and its copies.
ProgressCallback progress_to(std::ostream& err, ProgressForm form, std::string what);

// Work in steps, each of which says its name: a line for one step after the other. `begin` makes the line of
// a step; it is taken away when the step is done.
using StepProgress = std::function<void(std::string_view step, std::uint64_t done, std::uint64_t total)>;
StepProgress progress_in_steps(std::function<ProgressCallback(std::string step)> begin);

}  // namespace hib::report
