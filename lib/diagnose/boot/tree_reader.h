// Reads of a tree where what is not readable is remembered, so that a report can say what it does not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/device/probe/tree.h"

namespace hib::diagnose::boot {

struct Unread {
  std::string path;
  std::string why;  // "Permission denied: needs root"
};

class TreeReader {
 public:
  TreeReader(const device::Tree& tree, std::vector<Unread>& unread) : tree_(tree), unread_(unread) {}

  // Nothing where it is absent or unreadable; only the latter is remembered.
  std::optional<std::string> text(const std::string& path) const;
  std::optional<std::string> line(const std::string& path) const;
  // Names in a folder; one that cannot be listed is remembered.
  std::vector<std::string> names(const std::string& path) const;

  // The files of a configuration with drop-ins: of each folder of `folders`, which come in the order of their
  // weight, the files in FOLDER/NAME.d that end in `suffix`, by name; a file hides those of its name in later
  // folders. Before them the first FOLDER/NAME that exists, where `with_main`.
  std::vector<std::string> with_drop_ins(const std::vector<std::string>& folders, const std::string& name,
                                         const std::string& suffix, bool with_main = true) const;

  const device::Tree& tree() const { return tree_; }

 private:
  void note(const std::string& path, const std::string& why) const;

  const device::Tree& tree_;
  std::vector<Unread>& unread_;
};

}  // namespace hib::diagnose::boot
