// An input: opened read-only, read at explicit offsets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/extents.h"
#include "lib/os/fd.h"
#include "lib/os/source.h"

namespace hib {

// What a file was taken out of before it could be read.
struct Wrapping {
  std::string name;             // "gzip", "qcow2", "nbd": stable, for scripts
  std::string title;            // for people: "an NBD server"
  std::optional<Error> broken;  // why its content ends before its end
};

// Reads are thread-safe. Every error names the file and the offset.
class File {
 public:
  // A regular file, a block device, the URI of an NBD server (lib/os/nbd.h), or "-": standard input, which is
  // first copied (lib/os/spool.h) unless it already is a file.
  static Result<std::shared_ptr<const File>> open(const std::string& path);

  // What was taken out of this file: its errors name this one.
  std::shared_ptr<const File> content(std::unique_ptr<const Source> source, Wrapping wrapping) const;
  // The same in an unnamed file.
  Result<std::shared_ptr<const File>> content(Fd fd, Wrapping wrapping) const;

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
  int descriptor() const { return source_->descriptor(); }
  // Of the device or file itself; differs in a window.
  std::uint64_t place_of(std::uint64_t offset) const {
    return extents_ ? extents_->from(offset).start : offset;
  }
  bool is_block_device() const { return source_->is_block_device(); }
  const std::string& path() const { return path_; }
  // Outermost first; none for what lies open.
  const std::vector<Wrapping>& wrappings() const { return wrappings_; }

  // What the system has of it in memory, unchanged, is read from the disk again: another kernel may have
  // written there.
  void drop_cache() const { source_->drop_cache(); }

  // The error of this file at `offset`.
  Error error(ErrorKind kind, std::uint64_t offset, std::string where, std::string found,
              std::string allowed = {}) const;

 private:
  File(std::shared_ptr<const Source> source, std::string path)
      : source_(std::move(source)), path_(std::move(path)), size_(source_->size()) {}
  File(const File&) = default;

  std::shared_ptr<File> make_window(std::vector<DeviceRange> extents) const;

  std::shared_ptr<const Source> source_;
  std::string path_;
  std::uint64_t size_;
  std::vector<Wrapping> wrappings_;
  std::optional<ExtentMap> extents_;  // of a window, or of the pieces that are in another order
  bool is_rearranged_ = false;
  bool gaps_are_lost_ = false;
};

}  // namespace hib
