#include "lib/os/cancel.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <initializer_list>

namespace hib {
namespace {
std::atomic<int> g_signal{0};
std::atomic<int> g_wake{-1};  // eventfd
std::atomic<bool> g_progress_wanted{false};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may touch only lock-free atomics");

void on_signal(int number) {
  const int before = errno;
  cancel_by(number);
  errno = before;
}
void on_progress(int) { g_progress_wanted.store(true); }
}  // namespace

void install_signal_handlers() {
  g_wake.store(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before {};
    const bool ignored = sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
    if (!ignored) sigaction(number, &action, nullptr);  // nohup stays nohup
  }
  action.sa_handler = on_progress;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  // Errors with a message, in place of an end without a word: a reader that went away, a limit on file sizes.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
}

// A signal handler calls this too.
void cancel_by(int signal) {
  int none = 0;
  g_signal.compare_exchange_strong(none, signal);
  constexpr std::uint64_t kOne = 1;
  static_cast<void>(!::write(g_wake.load(), &kOne, sizeof(kOne)));
}

bool cancelled() { return g_signal.load(std::memory_order_relaxed) != 0; }
int cancelling_signal() { return g_signal.load(); }
int cancel_fd() { return g_wake.load(); }
Error cancelled_error() {
  const char* name = strsignal(cancelling_signal());
  return make_error(ErrorKind::Cancelled, "",
                    std::string("stopped by signal: ") + (name != nullptr ? name : "unknown"));
}
bool take_progress_request() { return g_progress_wanted.exchange(false); }

}  // namespace hib
