// An output: a file becomes visible under its name only when it is complete and flushed, or not at all.
//
// A regular file is written to an unnamed file in the target's folder (O_TMPFILE) of mode 0600, flushed, then
// linked. Standard output and pipes are streams: they take bytes in order only. A block device is opened
// exclusively, must hold nothing, and is written in place: what an interrupted write has put there stays, and
// whoever writes a format to it makes that recognisable.
// What is appended to a device goes past the page cache: it would be copied once more there, and the
// saver has little memory.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/os/bulk_writer.h"
#include "lib/os/extents.h"
#include "lib/os/file.h"
#include "lib/os/stream.h"

namespace hib {

class Output {
 public:
  enum class Target { File, Stream, BlockDevice };

  // Nothing is visible yet. Unless `force`, an existing regular file is refused (Exists), and a block device
  // on which anything lies (Refused).
  static Result<std::unique_ptr<Output>> create(const std::string& path, bool force);

  // Pieces of a block device, one after the other. `exclusive`: refused when anything else has the device in
  // use.
  static Result<std::unique_ptr<Output>> create_window(const std::string& device,
                                                       std::vector<DeviceRange> extents, bool exclusive);

  ~Output();  // without publish(): a file is as it was before; a device keeps what was written to it
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Appends at the current end; works for every target. On a block device it may be on its way until flush().
  Result<void> append(ByteView bytes);
  // `count` zero bytes: a hole where the target has holes.
  Result<void> append_zeros(std::uint64_t count);

  // Thread-safe and out of order; not for streams. Moves no append position.
  Result<void> write_at(std::uint64_t offset, ByteView bytes);
  // The same for several pieces of memory that follow each other in the file.
  Result<void> write_at(std::uint64_t offset, std::span<const ByteView> pieces);
  // Sets the length of a regular file before or after write_at. On a block device: is there room for that
  // much?
  Result<void> set_size(std::uint64_t size);

  Result<void> flush();    // what was written is on stable storage when this returns (nothing to do for a
                           // stream)
  Result<void> publish();  // flush, then make it visible. Only now the old file, if any, is gone.

  bool can_write_at() const { return target_ != Target::Stream; }
  Target target() const { return target_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t device_bytes() const { return device_bytes_; }  // block devices only; of the window
  const std::string& path() const { return path_; }

 private:
  Output(Target target, Fd fd, std::string path, bool force)
      : target_(target), fd_(std::move(fd)), path_(std::move(path)), force_(force) {}
  static Result<std::unique_ptr<Output>> stream(const std::string& path, Result<StreamWriter> writer);
  static Result<std::unique_ptr<Output>> create_file(const std::string& path, bool force);
  static Result<std::unique_ptr<Output>> open_device(const std::string& path, bool exclusive);
  static Result<std::unique_ptr<Output>> open_empty_device(const std::string& path, bool force);
  Result<void> check_room(std::uint64_t offset, std::uint64_t bytes) const;
  Result<void> write_extents(int fd, std::uint64_t offset, ByteView bytes);
  Result<void> write_piece(int fd, std::uint64_t offset, ByteView bytes);
  Result<void> write_past_cache(std::uint64_t offset, ByteView piece);
  Result<void> link_into_place();
  std::string shown_path() const;
  Error error(std::string call, int errno_value) const;

  Target target_;
  Fd fd_;  // files and devices
  StreamWriter stream_;
  Fd folder_;
  std::string path_;
  std::string name_;        // last component of path_
  std::string named_temp_;  // only where the file system has no unnamed files
  bool force_;
  std::uint64_t position_ = 0;
  std::uint64_t device_bytes_ = 0;
  std::optional<ExtentMap> extents_;  // of a window
  Fd direct_fd_;                      // block devices: the same one, for O_DIRECT; none where it has none
  std::unique_ptr<BulkWriter> bulk_;  // block devices: what is appended
};

}  // namespace hib
