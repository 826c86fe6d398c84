#include "lib/os/active_swap.h"

#include <fstream>
#include <string>

#include "lib/base/text.h"

namespace hib {

bool is_active_swap(const struct stat& status) {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);  // the heading
  while (std::getline(swaps, line)) {
    struct stat other {};
    if (::stat(without_escapes(line.substr(0, line.find_first_of(" \t"))).c_str(), &other) != 0) continue;
    const bool same_device =
        S_ISBLK(status.st_mode) && S_ISBLK(other.st_mode) && status.st_rdev == other.st_rdev;
    const bool same_file =
        !S_ISBLK(status.st_mode) && status.st_dev == other.st_dev && status.st_ino == other.st_ino;
    if (same_device || same_file) return true;
  }
  return false;
}

}  // namespace hib
