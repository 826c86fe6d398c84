#include "lib/os/file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "lib/os/cancel.h"
#include "lib/os/nbd.h"
#include "lib/os/spool.h"

namespace hib {
namespace {

constexpr std::size_t kSpoolBytes = 1 << 20;

// Never mapped: a file shortened while mapped is a SIGBUS. /proc/vmcore, which cannot be shortened, is mapped
// piece by piece: read(2) sets up a mapping for each page there.
class FdSource final : public Source {
 public:
  static Result<std::unique_ptr<const Source>> open(Fd fd, const std::string& path);

  FdSource(Fd fd, std::uint64_t size, bool is_block_device, bool is_vmcore)
      : fd_(std::move(fd)), size_(size), is_block_device_(is_block_device), is_vmcore_(is_vmcore) {}

  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, MutableBytes out) const override;
  DeviceRange data_from(std::uint64_t offset) const override;
  int descriptor() const override { return fd_.get(); }
  bool is_block_device() const override { return is_block_device_; }
  void drop_cache() const override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

 private:
  bool copy_mapped(std::uint64_t offset, MutableBytes out) const;

  Fd fd_;
  std::uint64_t size_;
  bool is_block_device_;
  bool is_vmcore_;
};

Result<std::unique_ptr<const Source>> FdSource::open(Fd fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("stat", errno).of(path));
  const bool is_block = S_ISBLK(status.st_mode);
  if (!S_ISREG(status.st_mode) && !is_block) {
    return fail(make_error(ErrorKind::Unsupported, "open",
                           S_ISDIR(status.st_mode) ? "a directory" : "not a file",
                           "a regular file, a block device, an NBD URI, or - for standard input")
                    .of(path));
  }
  const off_t end = ::lseek(fd.get(), 0, SEEK_END);
  if (end < 0) return fail(system_error("lseek", errno).of(path));
  // /proc/vmcore and block devices: what seek says and what stat says are both only right for one of them.
  const auto size =
      std::max(static_cast<std::uint64_t>(end), is_block ? 0 : static_cast<std::uint64_t>(status.st_size));
  struct statfs system {};
  const bool is_vmcore = ::fstatfs(fd.get(), &system) == 0 && system.f_type == PROC_SUPER_MAGIC && size > 0;
  return std::make_unique<FdSource>(std::move(fd), size, is_block, is_vmcore);
}

Result<std::size_t> FdSource::read(std::uint64_t offset, MutableBytes out) const {
  if (is_vmcore_ && copy_mapped(offset, out)) return out.size();
  for (;;) {
    const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return fail(system_error("read", errno));
  }
}

DeviceRange FdSource::data_from(std::uint64_t offset) const {
  const DeviceRange rest{offset, size_ - offset};
  if (is_block_device_ || is_vmcore_) return rest;
  const off_t start = ::lseek(fd_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (start < 0 && errno == ENXIO) return {size_, 0};
  if (start < 0) return rest;
  const off_t end = ::lseek(fd_.get(), start, SEEK_HOLE);
  const std::uint64_t first = std::min<std::uint64_t>(static_cast<std::uint64_t>(start), size_);
  if (end < start) return {first, size_ - first};
  return {first, std::min<std::uint64_t>(static_cast<std::uint64_t>(end), size_) - first};
}

// False when it cannot be mapped; read(2) may still do.
bool FdSource::copy_mapped(std::uint64_t offset, MutableBytes out) const {
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

Result<Fd> spool_stdin() {
  TRY(auto spool, Spool::create("standard input"));
  std::vector<std::byte> buffer(kSpoolBytes);
  for (;;) {
    if (cancelled()) return fail(cancelled_error());
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error("read", errno).of("-"));
    if (n == 0) return spool.finish();
    TRY_OK(spool.write(ByteView(buffer).first(static_cast<std::size_t>(n))));
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

Result<std::shared_ptr<const File>> File::open(const std::string& path) {
  if (is_nbd_uri(path)) {
    TRY(auto server, connect_nbd(path));
    auto file = std::shared_ptr<File>(new File(std::move(server), path));
    file->wrappings_.push_back({"nbd", "an NBD server", {}});
    return std::shared_ptr<const File>(std::move(file));
  }
  if (path.empty())
    return fail(make_error(ErrorKind::NotFound, "input", "an empty name", "a file or device"));
  TRY(Fd fd, open_input(path));
  TRY(auto source, FdSource::open(std::move(fd), path));
  return std::shared_ptr<const File>(new File(std::move(source), path));
}

std::shared_ptr<const File> File::content(std::unique_ptr<const Source> source, Wrapping wrapping) const {
  auto file = std::shared_ptr<File>(new File(std::move(source), path_));
  file->wrappings_ = wrappings_;
  file->wrappings_.push_back(std::move(wrapping));
  return file;
}

Result<std::shared_ptr<const File>> File::content(Fd fd, Wrapping wrapping) const {
  TRY(auto source, FdSource::open(std::move(fd), path_));
  return content(std::move(source), std::move(wrapping));
}

Result<std::shared_ptr<const File>> File::window(std::vector<DeviceRange> extents) const {
  for (const DeviceRange& extent : extents) {
    if (extent.bytes == 0 || extent.start > size_ || extent.bytes > size_ - extent.start) {
      return fail(error(ErrorKind::Corrupt, extent.start, "extent", fmt::format("{} bytes", extent.bytes),
                        fmt::format("a piece of the {} bytes that there are", size_)));
    }
  }
  return std::shared_ptr<const File>(make_window(std::move(extents)));
}

Result<std::shared_ptr<const File>> File::rearranged(std::vector<DeviceRange> pieces, Gaps gaps) const {
  auto file = make_window(std::move(pieces));
  file->is_rearranged_ = true;
  file->gaps_are_lost_ = gaps == Gaps::Lost;
  return std::shared_ptr<const File>(std::move(file));
}

std::shared_ptr<File> File::make_window(std::vector<DeviceRange> extents) const {
  auto file = std::shared_ptr<File>(new File(*this));
  file->extents_ = ExtentMap(std::move(extents));
  file->size_ = file->extents_->size();
  file->is_rearranged_ = false;
  file->gaps_are_lost_ = false;
  return file;
}

Result<std::vector<std::byte>> File::read_whole(const std::string& path) {
  TRY(const auto file, open(path));
  return file->read_at(0, file->size());
}

Result<void> File::read_at(std::uint64_t offset, MutableBytes out) const {
  const auto end = checked_add<std::uint64_t>(offset, out.size());
  if (!end || *end > size_) {
    return fail(error(ErrorKind::Truncated, offset, "read", fmt::format("the file has {} bytes", size_),
                      fmt::format("{} from here on", out.size())));
  }
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
    const std::size_t wanted = std::min<std::uint64_t>(left, place.bytes);
    auto got = source_->read(place.start, out.subspan(done, wanted));
    if (!got) return fail(std::move(got).error().at(offset + done).of(path_));
    if (*got == 0) {
      return fail(error(ErrorKind::Truncated, offset + done, "read",
                        is_block_device() ? "the device ended, or is gone" : "the file ended",
                        fmt::format("{} bytes, as when it was opened", size_)));
    }
    done += *got;
  }
  return {};
}

DeviceRange File::data_from(std::uint64_t offset) const {
  if (offset >= size_) return {size_, 0};
  if (extents_) return {offset, size_ - offset};
  return source_->data_from(offset);
}

Result<std::vector<std::byte>> File::read_at(std::uint64_t offset, std::uint64_t size) const {
  std::vector<std::byte> out;
  TRY_OK(read_at(offset, size, out));
  return out;
}

Result<MutableBytes> File::read_at(std::uint64_t offset, std::uint64_t size,
                                   std::vector<std::byte>& buffer) const {
  if (size > size_ || offset > size_ - size) {
    return fail(error(ErrorKind::Truncated, offset, "read", fmt::format("the file has {} bytes", size_),
                      fmt::format("{} from here on", size)));
  }
  if (buffer.size() < size) buffer.resize(size);
  const MutableBytes out = MutableBytes(buffer).first(size);
  TRY_OK(read_at(offset, out));
  return out;
}

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
