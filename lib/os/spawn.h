// A program that people see in place of this one for a while: a pager, man.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace hib {

struct Spawn {
  std::vector<std::string> command;      // a name without a slash is looked for in PATH
  std::vector<std::string> environment;  // "NAME=VALUE": set beside, or in place of, what this program has
  int input = -1;                        // its standard input; -1: that of this program
};

// Nothing: the program is not there, or cannot be started. It has the signals of a new program, whatever this
// one ignores.
std::optional<pid_t> spawn(const Spawn& what);

// Until it has ended, whatever signals arrive meanwhile. Its exit code; -1: a signal ended it.
int wait_for(pid_t process);

// This program runs with more rights than the user who sees the terminal: by sudo, pkexec, or a set-user-id
// bit. No command of that user's environment may be run then.
bool acts_for_another_user();

}  // namespace hib
