#include "lib/os/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace hib {
namespace {

constexpr std::size_t kHoleBytes = 64U << 10;

Error full(std::string call, int errno_value, const std::string& what) {
  Error error = system_error(std::move(call), errno_value).of("temporary copy of " + what);
  if (errno_value == ENOSPC) error.advice = "TMPDIR=FOLDER names a file system with more room";
  return error;
}

Result<void> write_fully(int fd, std::uint64_t offset, ByteView bytes, const std::string& what) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(full("write", errno, what));
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

}  // namespace

std::string spool_folder() {
  const char* configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/var/tmp";
}

Result<Spool> Spool::create(std::string what) {
  const std::string dir = spool_folder();
  Fd fd(::open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) return fail(system_error("temporary copy of " + what, errno).of(dir));
  return Spool(std::move(fd), std::move(what));
}

Result<void> Spool::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ByteView block = bytes.first(std::min(bytes.size(), kHoleBytes));
    if (!all_zero(block)) TRY_OK(write_fully(fd_.get(), size_, block, what_));
    size_ += block.size();
    bytes = bytes.subspan(block.size());
  }
  return {};
}

Result<Fd> Spool::finish() {
  if (::ftruncate(fd_.get(), static_cast<off_t>(size_)) != 0) return fail(full("ftruncate", errno, what_));
  return std::move(fd_);
}

}  // namespace hib
