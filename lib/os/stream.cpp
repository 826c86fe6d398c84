#include "lib/os/stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>

#include "lib/os/cancel.h"

namespace hib {
namespace {

constexpr std::size_t kUnlimited = SSIZE_MAX;

Result<void> wait_for_room(int fd) {
  std::array<pollfd, 2> fds = {{{fd, POLLOUT, 0}, {cancel_fd(), POLLIN, 0}}};
  while (!cancelled()) {
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return fail(system_error("poll", errno));
    }
    if (fds[0].revents != 0) return {};  // errors too: write says which
  }
  return fail(cancelled_error());
}

// The flags of standard output are those of other processes too, so a pipe is opened once more.
Fd open_again(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return {};
  const std::string name = "/proc/self/fd/" + std::to_string(fd);
  return Fd(::open(name.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

std::size_t most_bytes_of_one_write(int fd) {
  struct stat status {};
  const bool is_file = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const bool never_waits = (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
  return is_file || never_waits ? kUnlimited : PIPE_BUF;
}

}  // namespace

StreamWriter::StreamWriter(Fd fd) : fd_(std::move(fd)), most_bytes_(most_bytes_of_one_write(fd_.get())) {}

Result<StreamWriter> StreamWriter::standard_output() {
  Fd fd = open_again(STDOUT_FILENO);
  if (!fd) fd = Fd(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!fd) return fail(system_error("dup", errno));
  return StreamWriter(std::move(fd));
}

Result<StreamWriter> StreamWriter::open(const std::string& path) {
  Fd fd;
  while (!fd) {
    if (cancelled()) return fail(cancelled_error());
    fd = Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd && errno != EINTR) return fail(system_error("open", errno));
  }
  ::fcntl(fd.get(), F_SETFL, O_WRONLY | O_NONBLOCK);
  return StreamWriter(std::move(fd));
}

Result<std::size_t> StreamWriter::write_some(ByteView bytes) {
  TRY_OK(wait_for_room(fd_.get()));
  const ssize_t n = ::write(fd_.get(), bytes.data(), std::min(bytes.size(), most_bytes_));
  if (n >= 0) return static_cast<std::size_t>(n);
  if (errno == EINTR || errno == EAGAIN) return std::size_t{0};
  Error error = system_error("write", errno);
  if (errno == EPIPE) {
    cancel_by(SIGPIPE);
    error.kind = ErrorKind::Cancelled;
  }
  return fail(std::move(error));
}

Result<void> StreamWriter::write(ByteView bytes) {
  while (!bytes.empty()) {
    TRY(const std::size_t count, write_some(bytes));
    bytes = bytes.subspan(count);
  }
  return {};
}

}  // namespace hib
