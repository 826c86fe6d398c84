#include "lib/mount/launch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "lib/os/cancel.h"
#include "lib/os/spawn.h"

namespace hib::mount {
namespace {

Error death_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string how = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                              : fmt::format("exit code {}", WEXITSTATUS(status));
  return make_error(ErrorKind::Io, "the process that serves the mount", "ended by " + how);
}

}  // namespace

Result<Launch> Launch::fork_off() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(system_error("pipe", errno));
  Fd to_read(ends[0]);
  Fd to_write(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return fail(system_error("fork", errno));
  if (child > 0) return Launch(child, std::move(to_read));
  install_signal_handlers();  // what wakes cancel_fd() is no longer shared with the parent
  return Launch(0, std::move(to_write));
}

Result<Launch::Answer> Launch::wait() {
  std::string said;
  bool is_passed_on = false;
  for (;;) {
    if (cancelled() && !is_passed_on) {
      ::kill(child_, SIGTERM);
      is_passed_on = true;
    }
    std::array<pollfd, 2> wanted = {pollfd{pipe_.get(), POLLIN, 0},
                                    pollfd{is_passed_on ? -1 : cancel_fd(), POLLIN, 0}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR)
      return fail(system_error("poll", errno));
    if (wanted[0].revents == 0) continue;
    std::array<char, 4096> bytes;
    const ssize_t count = ::read(pipe_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("read", errno));
    if (count == 0) break;
    said.append(bytes.data(), static_cast<std::size_t>(count));
  }
  if (said.empty()) return fail(death_of(child_));
  return Answer{static_cast<unsigned char>(said[0]), said.substr(1)};
}

void Launch::end() {
  ::kill(child_, SIGTERM);
  wait_for(child_);
}

void Launch::failed(int exit_code) { static_cast<void>(answer(exit_code, "")); }

Result<void> Launch::answer(int exit_code, const std::string& text) {
  const std::string message = static_cast<char>(exit_code) + text;
  for (std::size_t done = 0; done < message.size();) {
    const ssize_t count = ::write(pipe_.get(), message.data() + done, message.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail(system_error("write", errno));  // the parent is gone
    done += static_cast<std::size_t>(count);
  }
  pipe_ = Fd();
  return {};
}

Result<void> Launch::stay(int exit_code, const std::string& text) {
  ::setsid();
  static_cast<void>(!::chdir("/"));
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return fail(system_error("open", errno).of("/dev/null"));
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null.get(), stream);
  return answer(exit_code, text);
}

}  // namespace hib::mount
