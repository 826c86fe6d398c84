#include "lib/jump/boot/kernel_files.h"

#include <unistd.h>

#include <algorithm>
#include <vector>

namespace hib::jump {
namespace {

std::string first_that_exists(const std::vector<std::string>& paths) {
  const auto found = std::find_if(paths.begin(), paths.end(),
                                  [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; });
  return found == paths.end() ? paths.front() : *found;
}

}  // namespace

std::string kernel_file(const std::string& release) {
  return first_that_exists({"/boot/vmlinuz-" + release, "/usr/lib/modules/" + release + "/vmlinuz"});
}

std::string modules_folder(const std::string& release) {
  return first_that_exists({"/lib/modules/" + release, "/usr/lib/modules/" + release});
}

}  // namespace hib::jump
