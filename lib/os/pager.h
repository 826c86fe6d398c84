// A pager: a program such as less, which shows text page by page on the terminal.
#pragma once

#include <sys/types.h>

#include <optional>

#include "lib/os/fd.h"

namespace hib {

class Pager {
 public:
  // Standard output goes into it from now on; standard error too, if that is a terminal. Which one:
  // $HIBTOOL_PAGER, else $PAGER, else less; of root by sudo and the like, only less, and that without
  // commands. Nothing: none is wanted (empty, or cat), or it cannot be started.
  static std::optional<Pager> start();

  // Says that the text has ended, waits until the user has seen enough, and gives standard error back.
  // Standard output stays closed.
  void finish();

 private:
  Pager(pid_t process, Fd error) : process_(process), error_(std::move(error)) {}

  pid_t process_;
  Fd error_;  // where standard error went before; none: it goes there still
};

}  // namespace hib
