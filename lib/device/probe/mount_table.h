// What is mounted, and what is swapped to: /proc/self/mountinfo and /proc/swaps.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "lib/device/probe/tree.h"

namespace hib::device {

struct Mount {
  std::string number;  // "8:1"; "0:45" where the file system has no device, or several
  std::string root;  // of the file system, that is mounted here: "/", a subvolume, the source of a bind mount
  std::string point;
  std::string options;  // of this mount
  std::string type;
  std::string source;
  std::string super_options;  // of the file system
};

struct ActiveSwap {
  std::string name;  // "/dev/sda2", "/swapfile"
  bool is_file = false;
  std::string priority;
};

// Lines that do not read as they should are left out. Spaces and backslashes come as \040 in both files.
std::vector<Mount> mounts_from_text(const std::string& text);
std::vector<ActiveSwap> swaps_from_text(const std::string& text);

// The text of a file that others may change between two reads of it: read until it is the same twice.
Reading read_settled(const Tree& tree, const std::string& path);

// Finds what a path lies on.
class MountIndex {
 public:
  MountIndex() = default;
  explicit MountIndex(const std::vector<Mount>& mounts);  // which must stay

  // The last mount at the nearest point above; null when there is none.
  const Mount* above(std::string path) const;

 private:
  std::unordered_map<std::string, const Mount*> by_point_;
};

}  // namespace hib::device
