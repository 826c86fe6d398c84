// A command that returns while a part of it stays: the daemon. The work is done in a child from its
// beginning, before there are threads, connections and helpers, none of which survives a fork. The parent
// waits until the child says how it went.
#pragma once

#include <sys/types.h>

#include <string>

#include "lib/base/error.h"
#include "lib/os/fd.h"

namespace hib::mount {

class Launch {
 public:
  static Result<Launch> fork_off();

  bool is_parent() const { return child_ > 0; }

  // Of the parent. Waits for the child to say how it went; a signal meanwhile is passed on to it.
  struct Answer {
    int exit_code = 0;
    std::string text;  // for standard output
  };
  Result<Answer> wait();
  void end();  // the child, after its answer

  // Of the child, once.
  void failed(int exit_code);
  // The same, and it goes on without terminal, standard streams and folder.
  Result<void> stay(int exit_code, const std::string& text);

 private:
  Launch(pid_t child, Fd pipe) : child_(child), pipe_(std::move(pipe)) {}
  Result<void> answer(int exit_code, const std::string& text);

  pid_t child_;  // 0: this is it
  Fd pipe_;
};

}  // namespace hib::mount
