// Where the probe reads: this machine, or a captured tree with the /proc and /sys of another one. Every read
// says whether the value was there, absent or unreadable, and reads nothing without a bound; a captured tree
// may be anybody's.
//
// A tree that captures copies what is read, and nothing else, into a folder that can be read as a captured
// tree later. What is not a file (the answers of ioctls and of libblkid) lies there below hibtool/, as lines
// of KEY=VALUE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/device/device.h"

namespace hib::device {

struct Reading {
  Presence presence = Presence::Absent;
  std::string text;  // Unreadable: why

  bool is_present() const { return presence == Presence::Present; }
};

using Facts = std::map<std::string, std::string>;  // KEY -> VALUE

class Tree {
 public:
  static constexpr std::size_t kMaxFileBytes = 1U << 20;
  static constexpr std::size_t kMaxNames = 1U << 16;  // in one folder; the rest is left out
  static constexpr unsigned kMaxLinks = 40;           // that one path may follow, as Linux has it

  static Tree live();
  // Symbolic links of a captured tree stay inside of it, wherever they point.
  static Result<Tree> captured(const std::string& root);
  // The same; or a mounted system that is not running, whose proc and sys are missing or empty.
  static Result<Tree> mounted(const std::string& root);

  // From here on what is read is copied to `folder`, which is made and must be empty or missing.
  Result<void> capture_into(const std::string& folder);
  // The first thing that could not be copied, if any; then nothing of the copy is left.
  Result<void> finish_capture() const;

  // From here on `path` (a file, or a folder with all below it) is read at `real`, a path of this system,
  // whatever the tree has there.
  void read_instead(const std::string& path, const std::string& real) { replaced_[path] = real; }

  bool is_live() const { return root_.empty(); }

  // `path` begins with a slash: "/sys/block/sda/size", "/proc/self/mountinfo".
  // Bytes as they are; Unreadable what is larger than `max_bytes`, or no regular file.
  Reading read(const std::string& path, std::size_t max_bytes = kMaxFileBytes) const;
  Reading read_line(const std::string& path) const;  // the first line, without spaces at its ends
  std::vector<std::string> list(
      const std::string& path) const;  // names, sorted; none where there is no folder
  bool exists(const std::string& path) const;
  // Where a path ends up when all links are followed, as a path of the tree; nothing where it leads nowhere
  // or in a circle.
  std::optional<std::string> resolve(const std::string& path) const;
  // What a link says, wherever that may be; nothing where there is no link.
  std::optional<std::string> link(const std::string& path) const;
  // Whether a folder can be listed; `text` is empty. What is no folder is absent.
  Reading look_into(const std::string& path) const;
  // Seconds since 1970.
  std::optional<std::int64_t> changed_at(const std::string& path) const;
  // Where this system has it: for a file that is too large for read(). The links of the path are followed
  // inside of the tree. Nothing where it is no regular file and no folder.
  std::optional<std::string> path_here(const std::string& path) const;

  // What lies on a block device, by libblkid's names (TYPE, UUID, LABEL, PTTYPE, PTUUID, USAGE, …) and the
  // marks of lib/fs/marks.h (MARK_…). Nothing where the device cannot be opened; `why` then says why.
  Facts block_facts(const std::string& device_name, std::string& why) const;
  // The permanent address of a network interface (PERMANENT_ADDRESS), as the driver has it.
  Facts net_facts(const std::string& interface) const;
  // PAGE_SIZE and MACHINE (uname -m).
  Facts machine_facts() const;

 private:
  struct Capture;  // what is copied, and where (tree_capture.h)

  Tree() = default;
  static Tree below(const std::string& root);
  Reading read_at(const std::string& path, std::size_t max_bytes) const;
  std::optional<Facts> stored_facts(const std::string& path) const;
  Facts udev_facts(const std::string& device_name) const;

  std::optional<std::string> replacement_of(const std::string& path) const;

  std::string root_;                  // "" for this machine
  Facts replaced_;                    // path of the tree -> path of this system
  Facts unreadable_;                  // of a captured tree: what its machine could not read, and why
  std::shared_ptr<Capture> capture_;  // null when nothing is captured
};

}  // namespace hib::device
