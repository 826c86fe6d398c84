// A progress line on a terminal: share, speed, time left. Redrawn at most twice a second; gone when done.
// Without a terminal, or on a dumb one, it says nothing, but answers SIGUSR1 with one line, as dd does.
#pragma once

#include <chrono>
#include <ostream>
#include <string>

#include "cli/context.h"
#include "lib/ops/pipeline.h"

namespace hib::cli {

class ProgressLine {
 public:
  ProgressLine(const Context& context, std::string what);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  // Lives as long as the line does.
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

// A callback that owns its line, for work whose length only it knows.
ProgressCallback progress_of(const Context& context, const std::string& what);

}  // namespace hib::cli
