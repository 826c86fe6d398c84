// Opens paths below a folder without ever leaving it: symbolic links are followed one by one, and those that
// are absolute begin at the folder again. Whoever changes the tree meanwhile gains nothing: every step is
// made from an open folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/os/file.h"

namespace hib {

// "/sys/block//sda" → sys, block, sda.
std::vector<std::string> path_components(const std::string& path);

struct Walked {
  Fd folder;          // that holds `name`; O_PATH
  std::string name;   // "." when the path is the root itself
  std::string path;   // without links, beginning with a slash: where it ended up
  int error = 0;      // errno, when it leads nowhere; ELOOP for too many links
  unsigned mode = 0;  // of what is there (stat's)
};

// Called for every link on the way, with the link's own path (without links above it) and what it points to.
using OnLink = std::function<void(const std::string& path, const std::string& target)>;

// `root` is a folder, `path` begins with a slash.
Walked walk(const std::string& root, const std::string& path, unsigned max_links, const OnLink& on_link);

// A regular file's content, opened without waiting for anybody, at most `max_bytes`. Fails with errno:
// EISDIR, EINVAL (no regular file), EFBIG (more than that), or what the system says.
struct SmallFile {
  int error = 0;
  std::string text;
};
SmallFile read_small_file(int folder, const std::string& name, std::size_t max_bytes);

// The names in a folder, sorted, at most `max_names`; none where it cannot be read.
std::vector<std::string> names_in(int folder, const std::string& name, std::size_t max_names);

// What a link points to; nothing where there is no link.
std::optional<std::string> link_target(int folder, const std::string& name);

}  // namespace hib
