#include "lib/os/overlap.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace hib {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kMaxStores = 256;  // one upon the other

// A file or a block device: all that holds bytes.
struct Store {
  bool is_device = false;
  dev_t device = 0;
  ino_t inode = 0;  // files only

  bool operator==(const Store&) const = default;
};

std::optional<Store> store_at(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (S_ISBLK(status.st_mode)) return Store{true, status.st_rdev, 0};
  return Store{false, status.st_dev, status.st_ino};
}

std::optional<std::string> line_of(const stdfs::path& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return line;
}

std::optional<Store> device_in(const stdfs::path& folder) {
  const auto number = line_of(folder / "dev");
  const std::size_t colon = number ? number->find(':') : std::string::npos;
  if (colon == std::string::npos) return std::nullopt;
  const auto major = static_cast<unsigned>(std::strtoul(number->c_str(), nullptr, 10));
  const auto minor = static_cast<unsigned>(std::strtoul(number->c_str() + colon + 1, nullptr, 10));
  return Store{true, makedev(major, minor), 0};
}

stdfs::path sysfs_folder(const Store& device) {
  std::error_code error;
  return stdfs::canonical(fmt::format("/sys/dev/block/{}:{}", major(device.device), minor(device.device)),
                          error);
}

// A loop device is its backing file under another name.
Store unlooped(Store store) {
  for (std::size_t i = 0; store.is_device && i < kMaxStores; ++i) {
    const auto backing = line_of(sysfs_folder(store) / "loop" / "backing_file");
    const auto below = backing ? store_at(*backing) : std::nullopt;
    if (!below) return store;
    store = *below;
  }
  return store;
}

// What the bytes of a device lie in: its disk, the parts of a volume.
std::vector<Store> directly_below(const Store& store) {
  std::vector<Store> below;
  const stdfs::path folder = store.is_device ? sysfs_folder(store) : stdfs::path();
  if (folder.empty()) return below;
  std::error_code error;
  if (stdfs::exists(folder / "partition", error)) {
    if (const auto disk = device_in(folder.parent_path())) below.push_back(unlooped(*disk));
  }
  for (const auto& part : stdfs::directory_iterator(folder / "slaves", error)) {
    if (const auto device = device_in(part.path())) below.push_back(unlooped(*device));
  }
  return below;
}

// The store itself, and all that its bytes lie in.
std::vector<Store> with_all_below(const Store& store) {
  std::vector<Store> found{store};
  for (std::size_t i = 0; i < found.size() && i < kMaxStores; ++i) {
    const std::vector<Store> below = directly_below(found[i]);
    found.insert(found.end(), below.begin(), below.end());
  }
  return found;
}

bool lies_in(const Store& upper, const Store& lower) {
  const std::vector<Store> below = with_all_below(upper);
  return std::find(below.begin(), below.end(), lower) != below.end();
}

}  // namespace

bool may_overlap(const std::string& a, const std::string& b) {
  const auto at_a = store_at(a);
  const auto at_b = store_at(b);
  if (!at_a || !at_b) return false;
  const Store first = unlooped(*at_a);
  const Store second = unlooped(*at_b);
  return lies_in(first, second) || lies_in(second, first);
}

bool lies_below(const std::string& path, const std::string& folder) {
  std::error_code error;
  const auto wanted = store_at(folder);
  if (!wanted || !stdfs::is_directory(folder, error)) return false;
  stdfs::path above = stdfs::weakly_canonical(stdfs::absolute(path, error), error);
  while (above.has_relative_path()) {
    above = above.parent_path();
    if (store_at(above.string()) == wanted) return true;
  }
  return false;
}

}  // namespace hib
