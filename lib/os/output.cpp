#include "lib/os/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <random>

#include <fmt/format.h>

#include "lib/os/cancel.h"
#include "lib/os/partitions.h"

namespace hib {
namespace {

constexpr std::array<std::byte, 65536> kZeros{};

std::string random_name(const std::string& name) {
  std::random_device entropy;
  return fmt::format(".{}.{:08x}{:08x}.tmp", name.substr(0, 200), entropy(), entropy());
}

// Gives the unnamed file `fd` a name; fails when it is taken. AT_EMPTY_PATH needs a capability, the /proc
// form needs /proc (open(2), O_TMPFILE). Returns an errno.
int link_unnamed(int fd, const char* fd_name, int folder, const char* name) {
  if (::linkat(fd, "", folder, name, AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOENT && errno != EPERM) return errno;
  return ::linkat(AT_FDCWD, fd_name, folder, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

// All that putting a file over an existing name takes, ready before the fork.
struct Replacement {
  int fd;
  int folder;
  std::string fd_name;
  std::string temp;
  std::string name;
  bool temp_is_linked;
};

// Returns an errno. Calls only what is safe between fork and _exit.
int replace(const Replacement& r) {
  if (!r.temp_is_linked) {
    const int reason = link_unnamed(r.fd, r.fd_name.c_str(), r.folder, r.temp.c_str());
    if (reason != 0) return reason;
  }
  if (::renameat(r.folder, r.temp.c_str(), r.folder, r.name.c_str()) == 0) return 0;
  const int reason = errno;
  ::unlinkat(r.folder, r.temp.c_str(), 0);
  return reason;
}

// Linux cannot link an unnamed file over an existing name in one step, so replacing takes two, with a
// temporary name in between. They run in a child process: if this process is killed the child still finishes,
// and if the child is killed the temporary name is removed here. So no kill of either leaves a third state
// behind.
int replace_in_child(const Replacement& r) {
  const pid_t child = ::fork();
  if (child < 0) return replace(r);
  if (child == 0) {
    ::setsid();  // a Ctrl-C in the terminal does not reach it
    ::_exit(replace(r));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  ::unlinkat(r.folder, r.temp.c_str(), 0);
  return EINTR;
}

}  // namespace

Result<std::unique_ptr<Output>> Output::create(const std::string& path, bool force) {
  if (path == "-") {
    if (::isatty(STDOUT_FILENO) != 0) {
      return fail(
          make_error(ErrorKind::Refused, "output", "standard output is a terminal", "a file or a pipe")
              .of("-"));
    }
    return stream(path, StreamWriter::standard_output());
  }
  struct stat status {};
  const bool exists = ::lstat(path.c_str(), &status) == 0;
  if (!exists) return create_file(path, force);
  struct stat target {};
  if (::stat(path.c_str(), &target) == 0 && S_ISBLK(target.st_mode)) return open_empty_device(path, force);
  if (S_ISDIR(status.st_mode)) {
    return fail(make_error(ErrorKind::Refused, "output", "a directory", "a file name").of(path));
  }
  if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) {
    if (force) return create_file(path, force);
    return fail(make_error(ErrorKind::Exists, "output", "exists already", "a new name")
                    .advise("--force replaces it")
                    .of(path));
  }
  if (!force) {
    return fail(make_error(ErrorKind::Refused, "output", "not a regular file", "a file, a block device, or -")
                    .advise("--force writes into it as a stream")
                    .of(path));
  }
  return stream(path, StreamWriter::open(path));
}

Result<std::unique_ptr<Output>> Output::stream(const std::string& path, Result<StreamWriter> writer) {
  auto output = std::unique_ptr<Output>(new Output(Target::Stream, Fd(), path, true));
  if (!writer) return fail(std::move(writer).error().of(output->shown_path()));
  output->stream_ = std::move(*writer);
  return output;
}

Result<std::unique_ptr<Output>> Output::create_file(const std::string& path, bool force) {
  const std::filesystem::path full(path);
  const std::string folder = full.has_parent_path() ? full.parent_path().string() : ".";
  const std::string name = full.filename().string();
  if (name.empty())
    return fail(make_error(ErrorKind::Usage, "output", "no file name", "a file name").of(path));
  Fd folder_fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_fd) return fail(system_error("open folder", errno).of(folder));

  std::string named_temp;
  Fd fd(::openat(folder_fd.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!fd && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
    named_temp = random_name(name);
    fd = Fd(::openat(folder_fd.get(), named_temp.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW,
                     0600));
  }
  if (!fd) return fail(system_error("create", errno).of(path));
  auto output = std::unique_ptr<Output>(new Output(Target::File, std::move(fd), path, force));
  output->folder_ = std::move(folder_fd);
  output->name_ = name;
  output->named_temp_ = named_temp;
  if (::fchmod(output->fd_.get(), 0600) != 0) return fail(output->error("chmod", errno));
  return output;
}

Result<std::unique_ptr<Output>> Output::open_device(const std::string& path, bool exclusive) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC | (exclusive ? O_EXCL : 0)));
  if (!fd && errno == EBUSY) {
    return fail(make_error(ErrorKind::Refused, "output",
                           "the device is in use (mounted, swap, or part of another)",
                           "a device that nothing uses")
                    .of(path));
  }
  if (!fd) return fail(system_error("open", errno).of(path));
  const off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return fail(system_error("lseek", errno).of(path));
  auto output = std::unique_ptr<Output>(new Output(Target::BlockDevice, std::move(fd), path, true));
  output->device_bytes_ = static_cast<std::uint64_t>(end);
  output->direct_fd_ =
      Fd(::open(fmt::format("/proc/self/fd/{}", output->fd_.get()).c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC));
  output->bulk_ = std::make_unique<BulkWriter>([o = output.get()](std::uint64_t offset, ByteView piece) {
    return o->write_past_cache(offset, piece);
  });
  return output;
}

// Opened first: then nothing else can come to use the device.
Result<std::unique_ptr<Output>> Output::open_empty_device(const std::string& path, bool force) {
  TRY(auto output, open_device(path, true));
  if (force) return output;
  TRY(const auto device, File::open(path));
  TRY(const std::string found, what_lies_on(*device));
  if (found.empty()) return output;
  return fail(
      make_error(ErrorKind::Refused, "output", "the device holds " + found, "a device with nothing on it")
          .advise("--force overwrites it")
          .of(path));
}

Result<std::unique_ptr<Output>> Output::create_window(const std::string& device,
                                                      std::vector<DeviceRange> extents, bool exclusive) {
  TRY(auto output, open_device(device, exclusive));
  for (const DeviceRange& extent : extents) {
    if (extent.bytes == 0 || extent.start > output->device_bytes_ ||
        extent.bytes > output->device_bytes_ - extent.start) {
      return fail(make_error(ErrorKind::Refused, "extent",
                             fmt::format("{} bytes at {:#x}", extent.bytes, extent.start),
                             fmt::format("a piece of the device's {} bytes", output->device_bytes_))
                      .of(device));
    }
  }
  output->extents_.emplace(std::move(extents));
  output->device_bytes_ = output->extents_->size();
  return output;
}

Output::~Output() {
  if (!named_temp_.empty()) ::unlinkat(folder_.get(), named_temp_.c_str(), 0);
}

Result<void> Output::append(ByteView bytes) {
  if (target_ == Target::BlockDevice) {
    if (cancelled()) return fail(cancelled_error());
    TRY_OK(check_room(position_, bytes.size()));
    TRY_OK(bulk_->append(bytes));
    position_ += bytes.size();
    return {};
  }
  if (target_ == Target::Stream) {
    auto written = stream_.write(bytes);
    if (!written) return fail(std::move(written).error().of(shown_path()));
    position_ += bytes.size();
    return {};
  }
  while (!bytes.empty()) {
    if (cancelled()) return fail(cancelled_error());
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(error("write", errno));
    position_ += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> Output::append_zeros(std::uint64_t count) {
  if (target_ == Target::File) {
    TRY_OK(set_size(position_ + count));
    if (::lseek(fd_.get(), static_cast<off_t>(position_ + count), SEEK_SET) < 0)
      return fail(error("lseek", errno));
    position_ += count;
    return {};
  }
  while (count > 0) {
    const auto n = std::min<std::uint64_t>(count, kZeros.size());
    TRY_OK(append(ByteView(kZeros).first(n)));
    count -= n;
  }
  return {};
}

Result<void> Output::check_room(std::uint64_t offset, std::uint64_t bytes) const {
  if (target_ != Target::BlockDevice || (offset <= device_bytes_ && bytes <= device_bytes_ - offset))
    return {};
  return fail(make_error(ErrorKind::Io, "write",
                         fmt::format("no room: the device has {} bytes", device_bytes_),
                         fmt::format("at least {}", offset + bytes))
                  .at(offset)
                  .of(path_));
}

Result<void> Output::write_at(std::uint64_t offset, ByteView bytes) {
  TRY_OK(check_room(offset, bytes.size()));
  return write_extents(fd_.get(), offset, bytes);
}

// The end of what was appended is no whole block; neither is an extent of a file that says so.
Result<void> Output::write_past_cache(std::uint64_t offset, ByteView piece) {
  const bool is_whole = direct_fd_ && piece.size() == BulkWriter::kPieceBytes;
  return write_extents(is_whole ? direct_fd_.get() : fd_.get(), offset, piece);
}

Result<void> Output::write_extents(int fd, std::uint64_t offset, ByteView bytes) {
  while (extents_ && !bytes.empty()) {
    const DeviceRange place = extents_->from(offset);
    const std::size_t count = std::min<std::uint64_t>(bytes.size(), place.bytes);
    TRY_OK(write_piece(fd, place.start, bytes.first(count)));
    offset += count;
    bytes = bytes.subspan(count);
  }
  return write_piece(fd, offset, bytes);
}

Result<void> Output::write_piece(int fd, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    // A disk whose blocks this piece does not fit: the page cache takes any.
    if (n < 0 && errno == EINVAL && fd != fd_.get()) return write_piece(fd_.get(), offset, bytes);
    // Whoever calls has seen to it that the device is large enough, as it was. Past the page cache it says
    // ENODEV itself.
    const bool is_gone = errno == ENOSPC || errno == ENODEV || errno == ENXIO;
    if (n < 0 && is_gone && target_ == Target::BlockDevice)
      return fail(make_error(ErrorKind::Io, "write", "the device is gone, or has become smaller")
                      .at(offset)
                      .of(path_));
    if (n < 0) return fail(error("write", errno).at(offset));
    offset += static_cast<std::uint64_t>(n);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> Output::write_at(std::uint64_t offset, std::span<const ByteView> pieces) {
  if (target_ == Target::BlockDevice) {
    for (const ByteView piece : pieces) {
      TRY_OK(write_at(offset, piece));
      offset += piece.size();
    }
    return {};
  }
  constexpr std::size_t kMostPieces = 256;  // well below IOV_MAX
  std::array<iovec, kMostPieces> vector;
  while (!pieces.empty()) {
    const std::size_t count = std::min(pieces.size(), kMostPieces);
    std::uint64_t size = 0;
    for (std::size_t i = 0; i < count; ++i) {
      vector[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()};
      size += pieces[i].size();
    }
    const ssize_t n =
        ::pwritev(fd_.get(), vector.data(), static_cast<int>(count), static_cast<off_t>(offset));
    if (n < 0 && errno != EINTR) return fail(error("write", errno).at(offset));
    if (n < 0 || static_cast<std::uint64_t>(n) != size) {  // interrupted or short: piece by piece
      for (std::uint64_t at = offset; const ByteView piece : pieces.first(count)) {
        TRY_OK(write_at(at, piece));
        at += piece.size();
      }
    }
    offset += size;
    pieces = pieces.subspan(count);
  }
  return {};
}

Result<void> Output::set_size(std::uint64_t size) {
  if (target_ == Target::BlockDevice) return check_room(0, size);
  if (target_ != Target::File) return {};
  while (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) {
    if (errno != EINTR) return fail(error("set size", errno));
  }
  return {};
}

Result<void> Output::flush() {
  if (target_ == Target::Stream) return {};
  if (bulk_) TRY_OK(bulk_->drain());
  // The kernel reports a failed write-back once; after that the data is gone, so there is no second try.
  if (::fsync(fd_.get()) != 0) return fail(error("fsync", errno));
  return {};
}

Result<void> Output::publish() {
  TRY_OK(flush());
  if (target_ != Target::File) return {};
  TRY_OK(link_into_place());
  named_temp_.clear();
  if (::fsync(folder_.get()) != 0) return fail(error("fsync of the folder", errno));
  return {};
}

Result<void> Output::link_into_place() {
  const std::string fd_name = fmt::format("/proc/self/fd/{}", fd_.get());
  if (force_) {
    const std::string temp = named_temp_.empty() ? random_name(name_) : named_temp_;
    const int reason =
        replace_in_child({fd_.get(), folder_.get(), fd_name, temp, name_, !named_temp_.empty()});
    if (reason != 0) return fail(error("rename", reason));
    return {};
  }
  int reason = 0;
  if (named_temp_.empty()) {
    reason = link_unnamed(fd_.get(), fd_name.c_str(), folder_.get(), name_.c_str());
  } else if (::renameat2(folder_.get(), named_temp_.c_str(), folder_.get(), name_.c_str(),
                         RENAME_NOREPLACE) != 0) {
    reason = errno;
  }
  if (reason != 0) return fail(error("link", reason));
  return {};
}

std::string Output::shown_path() const { return path_ == "-" ? "standard output" : path_; }

Error Output::error(std::string call, int errno_value) const {
  return system_error(std::move(call), errno_value).of(shown_path());
}

}  // namespace hib
