#include "lib/os/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "lib/os/cancel.h"

namespace hib {
namespace {

constexpr std::size_t kSpoolBytes = 1 << 20;

Result<void> write_fully(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("write", errno).of("temporary copy of standard input"));
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

// Copies standard input to an unnamed file in $TMPDIR (default /var/tmp: images are larger than a tmpfs
// likes).
Result<Fd> spool_stdin() {
  const char* configured = std::getenv("TMPDIR");
  const std::string dir = configured != nullptr && *configured != '\0' ? configured : "/var/tmp";
  Fd fd(::open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd) return fail(system_error("temporary copy of standard input", errno).of(dir));
  std::vector<std::byte> buffer(kSpoolBytes);
  for (;;) {
    if (cancelled()) return fail(cancelled_error());
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read", errno).of("-"));
    if (n == 0) return fd;
    TRY_OK(write_fully(fd.get(), ByteView(buffer).first(static_cast<std::size_t>(n))));
  }
}

Result<Fd> open_input(const std::string& path) {
  if (path != "-") {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) return fail(system_error("open", errno).of(path));
    return fd;
  }
  struct stat status {};
  const bool seekable = ::fstat(STDIN_FILENO, &status) == 0 && S_ISREG(status.st_mode);
  if (!seekable) return spool_stdin();
  Fd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  if (!fd) return fail(system_error("dup", errno).of(path));
  return fd;
}

}  // namespace

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::shared_ptr<const File>> File::open(const std::string& path) {
  TRY(Fd fd, open_input(path));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("stat", errno).of(path));
  const bool is_block = S_ISBLK(status.st_mode);
  if (!S_ISREG(status.st_mode) && !is_block) {
    return fail(make_error(ErrorKind::Unsupported, "open",
                           S_ISDIR(status.st_mode) ? "a directory" : "not a file",
                           "a regular file, a block device, or - for standard input")
                    .of(path));
  }
  const off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return fail(system_error("lseek", errno).of(path));
  // /proc/vmcore and block devices: what seek says and what stat says are both only right for one of them.
  const auto size =
      std::max(static_cast<std::uint64_t>(end), is_block ? 0 : static_cast<std::uint64_t>(status.st_size));
  struct statfs system {};
  const bool is_vmcore = ::fstatfs(fd.get(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC && size > 0;
  auto file = std::shared_ptr<File>(new File(std::move(fd), path, size, is_block));
  file->is_vmcore_ = is_vmcore;
  return std::shared_ptr<const File>(std::move(file));
}

Result<std::shared_ptr<const File>> File::window(std::vector<DeviceRange> extents) const {
  for (const DeviceRange& extent : extents) {
    if (extent.bytes == 0 || extent.start > size_ || extent.bytes > size_ - extent.start) {
      return fail(error(ErrorKind::Corrupt, extent.start, "extent", fmt::format("{} bytes", extent.bytes),
                        fmt::format("a piece of the {} bytes that there are", size_)));
    }
  }
  TRY(auto file, make_window(*this, std::move(extents)));
  return std::shared_ptr<const File>(std::move(file));
}

Result<std::shared_ptr<const File>> File::rearranged(std::vector<DeviceRange> pieces, Gaps gaps) const {
  TRY(auto file, make_window(*this, std::move(pieces)));
  file->is_rearranged_ = true;
  file->gaps_are_lost_ = gaps == Gaps::Lost;
  return std::shared_ptr<const File>(std::move(file));
}

Result<std::shared_ptr<File>> File::make_window(const File& whole, std::vector<DeviceRange> extents) {
  Fd fd(::fcntl(whole.fd_.get(), F_DUPFD_CLOEXEC, 3));
  if (!fd) return fail(system_error("dup", errno).of(whole.path_));
  ExtentMap map(std::move(extents));
  auto file = std::shared_ptr<File>(new File(std::move(fd), whole.path_, map.size(), whole.is_block_device_));
  file->extents_ = std::move(map);
  return file;
}

Result<std::vector<std::byte>> File::read_whole(const std::string& path) {
  TRY(const auto file, open(path));
  return file->read_at(0, file->size());
}

Result<void> File::read_at(std::uint64_t offset, MutableBytes out) const {
  const auto end = checked_add<std::uint64_t>(offset, out.size());
  if (!end || *end > size_) {
    return fail(error(ErrorKind::Truncated, offset, "read", fmt::format("{} bytes wanted", out.size()),
                      fmt::format("the file has {} bytes", size_)));
  }
  if (is_vmcore_ && copy_mapped(offset, out)) return {};
  std::size_t done = 0;
  while (done < out.size()) {
    const std::size_t left = out.size() - done;
    const DeviceRange place = extents_ ? extents_->from(offset + done) : DeviceRange{offset + done, left};
    if (place.start == DeviceRange::kNowhere) {
      if (gaps_are_lost_) {
        return fail(error(ErrorKind::Truncated, offset + done, "read", "nothing of these bytes",
                          "a record that holds them"));
      }
      const std::size_t zeros = std::min<std::uint64_t>(left, place.bytes);
      std::fill_n(out.data() + done, zeros, std::byte{0});
      done += zeros;
      continue;
    }
    const ssize_t n = ::pread(fd_.get(), out.data() + done, std::min<std::uint64_t>(left, place.bytes),
                              static_cast<off_t>(place.start));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read", errno).at(offset + done).of(path_));
    if (n == 0) {
      return fail(error(ErrorKind::Truncated, offset + done, "read",
                        is_block_device_ ? "the device ended, or is gone" : "the file ended",
                        fmt::format("it had {} bytes when it was opened", size_)));
    }
    done += static_cast<std::size_t>(n);
  }
  return {};
}

DeviceRange File::data_from(std::uint64_t offset) const {
  if (offset >= size_) return {size_, 0};
  const DeviceRange rest{offset, size_ - offset};
  if (is_block_device_ || is_vmcore_ || extents_) return rest;
  const off_t start = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (start < 0 && errno == ENXIO) return {size_, 0};
  if (start < 0) return rest;
  const off_t end = ::lseek(fd_.get(), start, SEEK_HOLE);
  const std::uint64_t first = std::min<std::uint64_t>(static_cast<std::uint64_t>(start), size_);
  if (end < start) return {first, size_ - first};
  return {first, std::min<std::uint64_t>(static_cast<std::uint64_t>(end), size_) - first};
}

// False when it cannot be mapped; read(2) may still do.
bool File::copy_mapped(std::uint64_t offset, MutableBytes out) const {
  constexpr std::size_t kSmallest = 16 * 4096;  // less is not worth a mapping
  if (out.size() < kSmallest) return false;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t start = offset / page * page;
  const std::size_t bytes = static_cast<std::size_t>(offset - start) + out.size();
  void* mapped = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd_.get(), static_cast<off_t>(start));
  if (mapped == MAP_FAILED) return false;
  std::memcpy(out.data(), static_cast<const std::byte*>(mapped) + (offset - start), out.size());
  ::munmap(mapped, bytes);
  return true;
}

Result<std::vector<std::byte>> File::read_at(std::uint64_t offset, std::uint64_t size) const {
  std::vector<std::byte> out;
  TRY_OK(read_at(offset, size, out));
  return out;
}

Result<MutableBytes> File::read_at(std::uint64_t offset, std::uint64_t size,
                                   std::vector<std::byte>& buffer) const {
  if (size > size_ || offset > size_ - size) {
    return fail(error(ErrorKind::Truncated, offset, "read", fmt::format("{} bytes wanted", size),
                      fmt::format("the file has {} bytes", size_)));
  }
  if (buffer.size() < size) buffer.resize(size);
  const MutableBytes out = MutableBytes(buffer).first(size);
  TRY_OK(read_at(offset, out));
  return out;
}

void File::drop_cache() const { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

Error File::error(ErrorKind kind, std::uint64_t offset, std::string where, std::string found,
                  std::string allowed) const {
  Error made = make_error(kind, std::move(where), std::move(found), std::move(allowed)).of(path_);
  made.offset = offset;
  if (!is_rearranged_ || size_ == 0) return made;
  made.offset = offset < size_ ? place_of(offset) : place_of(size_ - 1) + 1;
  if (made.offset == DeviceRange::kNowhere) made.offset.reset();
  return made;
}

}  // namespace hib
