#include "lib/os/active_swap.h"

#include <fstream>
#include <string>

namespace hib {
namespace {

// proc(5): the first column of /proc/swaps is a path, with \040 for a blank.
std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

bool is_active_swap(const struct stat& status) {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);  // the heading
  while (std::getline(swaps, line)) {
    struct stat other {};
    if (::stat(unescape(line.substr(0, line.find_first_of(" \t"))).c_str(), &other) != 0) continue;
    const bool same_device =
        S_ISBLK(status.st_mode) && S_ISBLK(other.st_mode) && status.st_rdev == other.st_rdev;
    const bool same_file =
        !S_ISBLK(status.st_mode) && status.st_dev == other.st_dev && status.st_ino == other.st_ino;
    if (same_device || same_file) return true;
  }
  return false;
}

}  // namespace hib
