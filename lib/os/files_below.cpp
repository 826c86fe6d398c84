#include "lib/os/files_below.h"

#include <algorithm>
#include <filesystem>
#include <vector>

namespace hib {
namespace {

namespace fs = std::filesystem;

// Without "." and "..", which the system leaves out, and hidden ones.
Result<std::vector<std::string>> visible_names(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) return fail(system_error("open", error.value()).of(folder));
  std::sort(names.begin(), names.end());
  return names;
}

bool visit(const std::string& folder, const FolderVisitor& visitor, unsigned depth) {
  if (depth > kMaxFolderDepth) {
    return visitor.unreadable(make_error(ErrorKind::Limit, "folders in folders", std::to_string(depth),
                                         "at most " + std::to_string(kMaxFolderDepth))
                                  .of(folder));
  }
  const auto names = visible_names(folder);
  if (!names) return visitor.unreadable(names.error());
  for (const std::string& name : *names) {
    const std::string path = (fs::path(folder) / name).string();
    std::error_code ignored;
    const bool is_link = fs::is_symlink(fs::symlink_status(path, ignored));
    const fs::file_status status = fs::status(path, ignored);
    if (fs::is_regular_file(status) && !visitor.file(path)) return false;
    if (fs::is_directory(status) && !is_link && !visit(path, visitor, depth + 1)) return false;
  }
  return true;
}

}  // namespace

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

void visit_files_below(const std::string& folder, const FolderVisitor& visitor) { visit(folder, visitor, 0); }

}  // namespace hib
