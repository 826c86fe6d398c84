#include "lib/os/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace hib {
namespace {

constexpr std::size_t kMaxComponents = 4096;

// The components of a path, the first one last.
void push_components(std::vector<std::string>& stack, const std::string& path) {
  const auto parts = path_components(path);
  stack.insert(stack.end(), parts.rbegin(), parts.rend());
}

// The folders that are open on the way down.
struct Descent {
  std::vector<Fd> folders;
  std::vector<std::string> names;

  std::string path_of(const std::string& name) const {
    std::string path;
    for (const std::string& part : names) path += "/" + part;
    return name.empty() ? (path.empty() ? "/" : path) : path + "/" + name;
  }
};

Walked end_at(Descent& descent, std::string name, int error, unsigned mode) {
  Walked walked;
  walked.path = descent.path_of(name);
  walked.name = name.empty() ? "." : std::move(name);
  walked.error = error;
  walked.mode = mode;
  if (!descent.folders.empty()) walked.folder = std::move(descent.folders.back());
  return walked;
}

}  // namespace

std::optional<std::string> link_target(int folder, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t n = ::readlinkat(folder, name.c_str(), target.data(), target.size());
  if (n < 0) return std::nullopt;
  target.resize(static_cast<std::size_t>(n));
  return target;
}

std::vector<std::string> path_components(const std::string& path) {
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Walked walk(const std::string& root, const std::string& path, unsigned max_links, const OnLink& on_link) {
  Descent descent;
  descent.folders.emplace_back(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!descent.folders.back()) return end_at(descent, "", errno, 0);
  std::vector<std::string> left;
  push_components(left, path);
  unsigned links = 0;
  while (!left.empty()) {
    const std::string name = std::move(left.back());
    left.pop_back();
    if (name == ".") continue;
    if (name == "..") {
      if (descent.names.empty()) continue;  // above the root is the root
      descent.names.pop_back();
      descent.folders.pop_back();
      continue;
    }
    const int folder = descent.folders.back().get();
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
      return end_at(descent, name, errno, 0);
    if (S_ISLNK(status.st_mode)) {
      const auto target = link_target(folder, name);
      if (!target) return end_at(descent, name, errno, 0);
      if (on_link) on_link(descent.path_of(name), *target);
      if (++links > max_links || left.size() > kMaxComponents) return end_at(descent, name, ELOOP, 0);
      if (!target->empty() && target->front() == '/') {
        descent.names.clear();
        while (descent.folders.size() > 1) descent.folders.pop_back();
      }
      push_components(left, *target);
      continue;
    }
    if (left.empty() && !S_ISDIR(status.st_mode)) return end_at(descent, name, 0, status.st_mode);
    Fd next(::openat(folder, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return end_at(descent, name, errno, 0);
    descent.folders.push_back(std::move(next));
    descent.names.push_back(name);
  }
  return end_at(descent, "", 0, S_IFDIR);
}

SmallFile read_small_file(int folder, const std::string& name, std::size_t max_bytes) {
  SmallFile file;
  struct stat status {};
  // Looked at before it is opened: opening a device node may do things.
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return {errno, {}};
  if (S_ISDIR(status.st_mode)) return {EISDIR, {}};
  if (!S_ISREG(status.st_mode)) return {EINVAL, {}};
  const Fd fd(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return {errno, {}};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {EINVAL, {}};
  std::string buffer(4096, '\0');
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {errno, {}};
    if (n == 0) return file;
    file.text.append(buffer, 0, static_cast<std::size_t>(n));
    if (file.text.size() > max_bytes) return {EFBIG, {}};
    if (buffer.size() < (1U << 18)) buffer.resize(buffer.size() * 2);
  }
}

std::vector<std::string> names_in(int folder, const std::string& name, std::size_t max_names) {
  std::vector<std::string> names;
  const int fd = ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return names;
  DIR* stream = ::fdopendir(fd);
  if (stream == nullptr) {
    ::close(fd);
    return names;
  }
  while (names.size() < max_names) {
    const dirent* entry = ::readdir(stream);
    if (entry == nullptr) break;
    const std::string found = entry->d_name;
    if (found != "." && found != "..") names.push_back(found);
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace hib
