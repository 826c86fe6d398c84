#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <span>
#include <string_view>

#include "cli/run.h"
#include "format/registry.h"
#include "lib/jump/saver/saver.h"
#include "lib/os/cancel.h"

namespace {

// Libraries allocate in functions that they declare noexcept (CLI11 while options are added, nlohmann/json in
// its destructors): no memory there ends here, and is said in the same words as anywhere else.
[[noreturn]] void end_without_memory() {
  try {
    if (const auto error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    constexpr std::string_view kText = "hibtool: out of memory\n";
    static_cast<void>(!::write(STDERR_FILENO, kText.data(), kText.size()));
    ::_exit(2);
  } catch (...) {
  }
  std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (::getpid() == 1 && argc > 0 && std::string_view(argv[0]) == "/init")
    return hib::jump::run_saver(hib::formats());
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);  // a core file would hold pages of the machine
  std::set_terminate(end_without_memory);
  hib::install_signal_handlers();
  const int code =
      hib::cli::run(hib::formats(), std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0),
                    {std::cout, std::cerr, isatty(STDOUT_FILENO) != 0, isatty(STDERR_FILENO) != 0});
  std::cout.flush();
  return code;
}
