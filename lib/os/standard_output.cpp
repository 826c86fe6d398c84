#include "lib/os/standard_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "lib/os/cancel.h"

namespace hib {

void occupy_closed_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one, since those below are taken.
    static_cast<void>(::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY));
  }
}

StandardOutput::StandardOutput() : by_lines_(::isatty(STDOUT_FILENO) != 0) {}

bool StandardOutput::write_out() {
  std::size_t done = 0;
  while (failure_ == 0 && done < filled_) {
    const ssize_t n = ::write(STDOUT_FILENO, bytes_.data() + done, filled_ - done);
    if (n < 0 && errno == EINTR && !cancelled()) continue;
    if (n < 0) failure_ = errno;
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  filled_ = 0;
  return failure_ == 0;
}

void StandardOutput::page() {
  screen_ = screen_size(STDOUT_FILENO);
  is_held_ =
      screen_.is_known && !is_dumb_terminal();  // otherwise a script may be behind it, which presses no key
}

// Counts the rows of the text, and starts the pager when they do not fit.
void StandardOutput::hold(std::string_view text) {
  for (const char c : text) {
    const bool starts_row = c == '\n' || column_ == screen_.columns;
    column_ = c == '\n' ? 0 : starts_row ? 1 : column_ + 1;
    rows_ += starts_row ? 1 : 0;
  }
  const bool is_text = text.find('\0') == std::string_view::npos;
  const bool is_long = rows_ + 1 > screen_.rows || text.size() > bytes_.size() - filled_;
  if (is_text && is_long) pager_ = Pager::start();
  if (!is_text || is_long) release();
  by_lines_ = by_lines_ && !pager_;
}

std::streamsize StandardOutput::xsputn(const char* text, std::streamsize size) {
  std::string_view rest(text, static_cast<std::size_t>(size));
  if (is_held_) hold(rest);
  const bool ends_line = by_lines_ && !is_held_ && rest.find('\n') != std::string_view::npos;
  is_used_ = is_used_ || !rest.empty();
  while (!rest.empty()) {
    const std::size_t count = std::min(rest.size(), bytes_.size() - filled_);
    std::memcpy(bytes_.data() + filled_, rest.data(), count);
    filled_ += count;
    rest.remove_prefix(count);
    if (filled_ == bytes_.size() && !write_out()) return 0;
  }
  if (ends_line && !write_out()) return 0;
  return size;
}

int StandardOutput::sync() {
  if (filled_ > 0) release();
  return write_out() ? 0 : -1;
}

int StandardOutput::finish() {
  write_out();
  if (pager_) {
    pager_->finish();
    return failure_ == EPIPE ? 0 : failure_;
  }
  // Some network file systems say only now that there is no space.
  if (is_used_ && failure_ == 0 && ::close(STDOUT_FILENO) != 0 && errno != EINTR) failure_ = errno;
  return failure_;
}

}  // namespace hib
