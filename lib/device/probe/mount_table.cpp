#include "lib/device/probe/mount_table.h"

#include <climits>
#include <sstream>

#include "lib/base/text.h"

namespace hib::device {
namespace {

constexpr std::size_t kMaxTableBytes = 16U << 20;

}  // namespace

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" (proc_pid_mountinfo(5))
std::vector<Mount> mounts_from_text(const std::string& text) {
  std::vector<Mount> mounts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string id;
    std::string parent;
    std::string word;
    Mount mount;
    if (!(words >> id >> parent >> mount.number >> mount.root >> mount.point >> mount.options)) continue;
    while (words >> word && word != "-") {
    }
    if (word != "-" || !(words >> mount.type >> mount.source)) continue;
    words >> mount.super_options;
    mount.root = without_escapes(mount.root);
    mount.point = without_escapes(mount.point);
    mount.source = without_escapes(mount.source);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

// "/dev/sda2  partition  2097148  0  -2", below a line of headings
std::vector<ActiveSwap> swaps_from_text(const std::string& text) {
  std::vector<ActiveSwap> swaps;
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string type;
    std::string size;
    std::string used;
    ActiveSwap swap;
    if (!(words >> swap.name >> type >> size >> used >> swap.priority)) continue;
    swap.name = without_escapes(swap.name);
    swap.is_file = type == "file";
    swaps.push_back(std::move(swap));
  }
  return swaps;
}

Reading read_settled(const Tree& tree, const std::string& path) {
  constexpr unsigned kTries = 5;
  Reading before = tree.read(path, kMaxTableBytes);
  if (!tree.is_live() || !before.is_present()) return before;
  for (unsigned i = 0; i < kTries; ++i) {
    Reading after = tree.read(path, kMaxTableBytes);
    if (after.presence == before.presence && after.text == before.text) return after;
    before = std::move(after);
  }
  return {Presence::Unreadable, "it changes faster than it can be read"};
}

// A later mount lies over an earlier one at the same point.
MountIndex::MountIndex(const std::vector<Mount>& mounts) {
  for (const Mount& mount : mounts) by_point_[mount.point] = &mount;
}

const Mount* MountIndex::above(std::string path) const {
  if (path.size() > PATH_MAX) return nullptr;
  while (!path.empty()) {
    if (const auto it = by_point_.find(path); it != by_point_.end()) return it->second;
    path.resize(path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
  }
  const auto root = by_point_.find("/");
  return root == by_point_.end() ? nullptr : root->second;
}

}  // namespace hib::device
