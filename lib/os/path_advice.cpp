#include "lib/os/path_advice.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "lib/base/nearest.h"
#include "lib/base/text.h"

namespace hib {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNames = 10000;    // of a folder
constexpr std::size_t kLeastFolderName = 3;  // every shorter one is like every other

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : static_cast<char>(c);
  });
  return text;
}

// Sorted: the answer does not depend on the file system.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end && names.size() < kMostNames;
       it.increment(error))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Of another case, with an ending that was left out, or mistyped. Empty: none.
std::string meant_by(const std::string& name, const std::vector<std::string>& names) {
  for (const std::string& other : names) {
    if (lower(other) == lower(name)) return other;
  }
  for (const std::string& other : names) {
    if (other.starts_with(name + ".")) return other;
  }
  return nearest(name, names);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

std::string about_missing(const fs::path& path) {
  std::error_code error;
  if (fs::is_symlink(fs::symlink_status(path, error)))
    return fmt::format("it is a link to {}, which is not there", fs::read_symlink(path, error).string());
  const fs::path folder = folder_of(path);
  if (!fs::is_directory(folder, error)) {
    const std::string name = folder.filename().string();
    const std::string meant =
        name.size() < kLeastFolderName ? "" : meant_by(name, names_in(folder_of(folder)));
    const std::string missing = fmt::format("there is no folder {}", folder.string());
    if (meant.empty()) return missing;
    return fmt::format("{}; did you mean \"{}\"?", missing,
                       (folder.parent_path() / meant / path.filename()).string());
  }
  // Of disks, another one is not what was meant.
  if (folder == "/dev" || folder == "/dev/mapper") return "lsblk lists the disks";
  const std::string meant = meant_by(path.filename().string(), names_in(folder));
  const bool is_here = !path.has_parent_path();
  if (meant.empty())
    return fmt::format("ls{} shows what is there", is_here ? "" : " " + shell_word(folder.string()));
  return fmt::format("did you mean \"{}\"?", is_here ? meant : (folder / meant).string());
}

// Of a file: whose it is. Of a device: also the group that may read it.
std::string about_forbidden(const std::string& path, const struct stat& status) {
  if (S_ISBLK(status.st_mode) && (status.st_mode & S_IRGRP) != 0) {
    const group* owner = ::getgrgid(status.st_gid);
    if (owner != nullptr && status.st_gid != 0)
      return fmt::format("run it with sudo, or as a member of the group {}", owner->gr_name);
  }
  const passwd* owner = S_ISREG(status.st_mode) ? ::getpwuid(status.st_uid) : nullptr;
  if (owner == nullptr || status.st_uid == 0) return "run it with sudo";
  return fmt::format("{} belongs to {}: run it with sudo", path, owner->pw_name);
}

// Of an output.
std::string about_folder_of_new(const fs::path& folder) {
  if (::access(folder.c_str(), F_OK) != 0) {
    const std::string meant = meant_by(folder.filename().string(), names_in(folder_of(folder)));
    if (!meant.empty()) return fmt::format("did you mean \"{}\"?", (folder.parent_path() / meant).string());
    return "mkdir -p " + shell_word(folder.string());
  }
  if (::geteuid() == 0 || ::faccessat(AT_FDCWD, folder.c_str(), W_OK, AT_EACCESS) == 0) return "";
  return fmt::format("you may not write to {}: name another folder, or run it with sudo", folder.string());
}

std::string advice_about(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return about_missing(path);
    return errno == EACCES && ::geteuid() != 0 ? "a folder on the way may not be entered: run it with sudo"
                                               : "";
  }
  if (S_ISDIR(status.st_mode))
    return fmt::format("hibtool inspect {} looks for images in it", shell_word(path));
  if (::geteuid() != 0 && ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0 && errno == EACCES)
    return about_forbidden(path, status);
  return "";
}

}  // namespace

Error with_path_advice(Error error) {
  if (!error.advice.empty() || error.file.empty() || error.file == "-") return error;
  if (error.where == "open" || error.where == "stat") error.advice = advice_about(error.file);
  if (error.where == "open folder") error.advice = about_folder_of_new(error.file);
  if (error.where == "create") error.advice = about_folder_of_new(folder_of(error.file));
  return error;
}

}  // namespace hib
