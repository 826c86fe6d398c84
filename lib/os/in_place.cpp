#include "lib/os/in_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace hib {
namespace {

// proc(5): the first column of /proc/swaps is a path, with \040 for a blank.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_active_swap(const struct stat& status) {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);  // the heading
  while (std::getline(swaps, line)) {
    struct stat other {};
    if (::stat(unescape(line.substr(0, line.find_first_of(" \t"))).c_str(), &other) != 0) continue;
    const bool same_device =
        S_ISBLK(status.st_mode) && S_ISBLK(other.st_mode) && status.st_rdev == other.st_rdev;
    const bool same_file =
        !S_ISBLK(status.st_mode) && status.st_dev == other.st_dev && status.st_ino == other.st_ino;
    if (same_device || same_file) return true;
  }
  return false;
}

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
