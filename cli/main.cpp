#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <new>
#include <span>
#include <string_view>

#include "cli/context.h"
#include "cli/run.h"
#include "format/registry.h"
#include "lib/jump/saver/saver.h"
#include "lib/os/cancel.h"
#include "lib/os/standard_output.h"

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

// The exit code of a run whose text may not have arrived. A refusal stays one; what was done is no success
// when nobody was told.
int code_after_output(int code, int failure) {
  if (failure == 0 || code >= hib::cli::kSignal) return code;
  if (failure == EPIPE) return hib::cli::kSignal + SIGPIPE;  // "| head" has seen enough: no error to tell of
  if (hib::cancelled()) return hib::cli::kSignal + hib::cancelling_signal();
  std::cerr << "hibtool: " << hib::system_error("write", failure).of("standard output").line() << "\n";
  return code == hib::cli::kPartial ? hib::cli::kCouldNot : std::max<int>(code, hib::cli::kCouldNot);
}

}  // namespace

int main(int argc, char** argv) {
  if (::getpid() == 1 && argc > 0 && std::string_view(argv[0]) == "/init")
    return hib::jump::run_saver(hib::formats());
  hib::occupy_closed_descriptors();
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);  // a core file would hold pages of the machine
  std::set_terminate(end_without_memory);
  hib::install_signal_handlers();
  hib::StandardOutput output;
  std::streambuf* const before = std::cout.rdbuf(&output);  // std::cerr flushes it, being tied to std::cout
  const int code =
      hib::cli::run(hib::formats(), std::span(argv, static_cast<std::size_t>(argc)).subspan(argc > 0 ? 1 : 0),
                    {std::cout, std::cerr, isatty(STDOUT_FILENO) != 0, isatty(STDERR_FILENO) != 0,
                     [&output] { output.page(); }});
  const int failure = output.finish();
  std::cout.rdbuf(before);
  return code_after_output(code, failure);
}
