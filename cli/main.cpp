#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <span>

#include "cli/run.h"
#include "lib/os/cancel.h"

int main(int argc, char** argv) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);  // a core file would hold pages of the machine
  hib::install_signal_handlers();
  const int code = hib::cli::run(std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0), {std::cout, std::cerr, isatty(STDOUT_FILENO) != 0, isatty(STDERR_FILENO) != 0});
  std::cout.flush();
  return code;
}
