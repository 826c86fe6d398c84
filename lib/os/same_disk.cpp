#include "lib/os/same_disk.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <set>

#include <fmt/format.h>

namespace hib {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kMaxDevices = 4096;  // what is made of what, however it is stacked

// The folder in sysfs of the disk itself, when `folder` is one of its partitions.
stdfs::path disk_of(const stdfs::path& folder) {
  std::error_code error;
  return stdfs::exists(folder / "partition", error) ? folder.parent_path() : folder;
}

void add_holders(const stdfs::path& folder, std::set<stdfs::path>& found) {
  std::error_code error;
  for (const auto& entry : stdfs::directory_iterator(folder / "holders", error)) {
    const stdfs::path holder = stdfs::canonical(entry.path(), error);
    if (error || found.size() >= kMaxDevices || !found.insert(holder).second) continue;
    add_holders(holder, found);
  }
}

}  // namespace

std::vector<std::string> devices_of_same_disk(const std::string& device, const std::string& root) {
  struct stat status {};
  if (::stat(device.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return {};
  std::error_code error;
  const stdfs::path self = stdfs::canonical(
      fmt::format("{}/sys/dev/block/{}:{}", root, major(status.st_rdev), minor(status.st_rdev)), error);
  if (error) return {};
  std::set<stdfs::path> found;
  const stdfs::path disk = disk_of(self);
  add_holders(disk, found);
  for (const auto& entry : stdfs::directory_iterator(disk, error)) {
    if (!stdfs::exists(entry.path() / "partition", error) || found.size() >= kMaxDevices) continue;
    found.insert(entry.path());
    add_holders(entry.path(), found);
  }
  found.erase(self);
  std::vector<std::string> paths;
  for (const stdfs::path& folder : found) paths.push_back("/dev/" + folder.filename().string());
  return paths;
}

}  // namespace hib
