// A time limit for the saver: without progress for so long, its kernel panics, which goes back into the
// machine while that is possible. The kernel's software watchdog counts, so that it also works when this
// process cannot run any more.
#pragma once

#include "lib/base/error.h"
#include "lib/os/file.h"

namespace hib::jump {

class Watchdog {
 public:
  static Result<Watchdog> start(unsigned seconds);

  void alive() const;  // begins to count anew
  void stop() const;

 private:
  explicit Watchdog(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

// The hardware's watchdogs know nothing of the jump: one that ran in the machine would restart it in the
// middle of saving. Stops all that have a driver here.
void stop_hardware_watchdogs();

}  // namespace hib::jump
