// A progress line on a terminal: share, speed, time left. Redrawn at most ten times a second; gone when done.
// Without a terminal it says nothing, but answers SIGUSR1 with one line, as dd does.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "cli/common.h"
#include "lib/ops/pipeline.h"

namespace hib::cli {

class ProgressLine {
 public:
  ProgressLine(const Context& context, std::string what);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  ProgressCallback callback();

 private:
  using Clock = std::chrono::steady_clock;
  void update(const Progress& progress);
  std::string describe(const Progress& progress) const;

  std::ostream& err_;
  std::string what_;
  bool visible_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_ = start_;
};

}  // namespace hib::cli
