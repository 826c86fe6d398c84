// An input: opened read-only, never mapped (a file shortened while mapped is a SIGBUS), read at explicit
// offsets. /proc/vmcore, which cannot be shortened, is mapped piece by piece: read(2) sets up a mapping for
// each page there.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/extents.h"

namespace hib {

// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// Reads are thread-safe. Every error names the file and the offset.
class File {
 public:
  // A regular file, a block device, or "-": standard input, which is first copied to an unnamed temporary
  // file of mode 0600 (every reader needs random access) unless it already is a file.
  static Result<std::shared_ptr<const File>> open(const std::string& path);

  // Only these pieces of it, one after the other, as a file of their own.
  Result<std::shared_ptr<const File>> window(std::vector<DeviceRange> extents) const;

  // The same for what this file holds in another order: a piece that starts at DeviceRange::kNowhere reads as
  // zeros, or is lost and Truncated. Errors name the place in this file.
  enum class Gaps { Zero, Lost };
  Result<std::shared_ptr<const File>> rearranged(std::vector<DeviceRange> pieces, Gaps gaps) const;

  // All of a file that fits into memory: for what this program itself or the system has put there, not for
  // images.
  static Result<std::vector<std::byte>> read_whole(const std::string& path);

  // Fills `out` completely; past the end is Truncated.
  Result<void> read_at(std::uint64_t offset, MutableBytes out) const;
  Result<std::vector<std::byte>> read_at(std::uint64_t offset, std::uint64_t size) const;
  // The same into a buffer that is used again: it only ever grows, and not before the file is known to hold
  // that much.
  Result<MutableBytes> read_at(std::uint64_t offset, std::uint64_t size,
                               std::vector<std::byte>& buffer) const;

  // The next stretch of bytes from `offset` on that is not a hole of a sparse file; empty, at the file's end,
  // when there is none. All of the rest where nothing tells: a device, a window, a file system without holes.
  // Not thread-safe.
  DeviceRange data_from(std::uint64_t offset) const;

  std::uint64_t size() const { return size_; }
  int descriptor() const { return fd_.get(); }  // for a library that reads by itself
  // Of the device or file itself; differs in a window.
  std::uint64_t place_of(std::uint64_t offset) const {
    return extents_ ? extents_->from(offset).start : offset;
  }
  bool is_block_device() const { return is_block_device_; }
  const std::string& path() const { return path_; }

  // What the system has of it in memory, unchanged, is read from the disk again: another kernel may have
  // written there.
  void drop_cache() const;

  // The error of this file at `offset`.
  Error error(ErrorKind kind, std::uint64_t offset, std::string where, std::string found,
              std::string allowed = {}) const;

 private:
  File(Fd fd, std::string path, std::uint64_t size, bool is_block_device)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size), is_block_device_(is_block_device) {}

  static Result<std::shared_ptr<File>> make_window(const File& whole, std::vector<DeviceRange> extents);
  bool copy_mapped(std::uint64_t offset, MutableBytes out) const;

  Fd fd_;
  std::string path_;
  std::uint64_t size_;
  bool is_block_device_;
  bool is_vmcore_ = false;
  std::optional<ExtentMap> extents_;  // of a window, or of the pieces that are in another order
  bool is_rearranged_ = false;
  bool gaps_are_lost_ = false;
};

}  // namespace hib
