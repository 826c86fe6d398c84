#include "lib/os/in_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "lib/os/active_swap.h"

namespace hib {
namespace {

bool is_locked(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

Result<std::unique_ptr<InPlaceFile>> InPlaceFile::open(const std::string& path) {
  const auto refuse = [&](std::string found, std::string allowed) {
    return fail(make_error(ErrorKind::Refused, "output", std::move(found), std::move(allowed)).of(path));
  };
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("open", errno).of(path));
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
    return refuse("neither a file nor a block device", "a swap area");
  if (is_active_swap(status))
    return refuse("swap that this machine is using", "a swap area that is not in use (swapoff)");
  // O_EXCL on a block device: nothing of this machine may use it.
  Fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | (S_ISBLK(status.st_mode) ? O_EXCL : 0)));
  if (!fd && errno == EBUSY)
    return refuse("the device is in use (mounted, swap, or part of another)", "a device that nothing uses");
  if (!fd) return fail(system_error("open", errno).of(path));
  if (is_locked(fd.get()))
    return refuse("another process has it locked, as a running virtual machine does",
                  "a file that nobody uses");
  return std::unique_ptr<InPlaceFile>(new InPlaceFile(std::move(fd), path));
}

Result<void> InPlaceFile::write_at(std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("write", errno).at(offset).of(path_));
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> InPlaceFile::flush() {
  if (::fsync(fd_.get()) != 0) return fail(system_error("fsync", errno).of(path_));
  return {};
}

}  // namespace hib
