// The command line, callable in-process: tests run it with their own streams.
#pragma once

#include <functional>
#include <iosfwd>
#include <span>

#include "lib/image/format.h"

namespace hib::cli {

struct Streams {
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  std::function<void()> page = {};  // sends long text of `out` through a pager; empty: there is none
  std::ostream* bytes = nullptr;    // where what is no text goes; null: `out`
};

// `arguments` without the program's name. Returns the exit code.
int run(const Formats& formats, std::span<char* const> arguments, const Streams& streams);

}  // namespace hib::cli
