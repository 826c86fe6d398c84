#include "lib/diagnose/post_mortem/candidates.h"

#include <algorithm>
#include <sstream>

#include "lib/device/probe/tree.h"

namespace hib::diagnose {
namespace {

void add_once(std::vector<std::string>& paths, const std::string& path) {
  if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
}

// /proc/swaps: a line of titles, then a path first on each line.
void add_swap_areas(const device::Tree& tree, std::vector<std::string>& paths) {
  std::istringstream lines(tree.read("/proc/swaps").text);
  std::string line;
  std::getline(lines, line);
  while (std::getline(lines, line)) {
    const std::string path = line.substr(0, line.find(' '));
    if (path.starts_with("/dev/") && !path.starts_with("/dev/zram")) add_once(paths, path);
  }
}

// /sys/power/resume: MAJ:MIN of the device; "0:0" is none.
void add_resume_device(const device::Tree& tree, std::vector<std::string>& paths) {
  const device::Reading reading = tree.read_line("/sys/power/resume");
  if (!reading.is_present() || reading.text.empty() || reading.text == "0:0") return;
  const auto device = tree.resolve("/sys/dev/block/" + reading.text);
  if (!device) return;
  add_once(paths, "/dev/" + device->substr(device->rfind('/') + 1));
}

}  // namespace

std::vector<std::string> candidates_of(const std::string& root) {
  std::vector<std::string> paths;
  if (!root.empty()) return paths;
  const device::Tree tree = device::Tree::live();
  add_resume_device(tree, paths);
  add_swap_areas(tree, paths);
  return paths;
}

}  // namespace hib::diagnose
