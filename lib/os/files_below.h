// All files of a folder and of the folders in it, in an order that does not depend on the file system.
#pragma once

#include <functional>
#include <string>

#include "lib/base/error.h"

namespace hib {

inline constexpr unsigned kMaxFolderDepth = 64;

bool is_folder(const std::string& path);

// Regular files, and links to such, by their names, byte by byte; a folder takes its place among them. Left
// out: names that begin with a dot, links to folders (they may lead in circles), devices, pipes and sockets.
struct FolderVisitor {
  std::function<bool(const std::string& path)> file;  // false ends the walk
  std::function<bool(const Error& error)>
      unreadable;  // a folder in it that cannot be read, or is too deep; likewise
};
void visit_files_below(const std::string& folder, const FolderVisitor& visitor);

}  // namespace hib
