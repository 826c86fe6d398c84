// The FUSE side: a folder of read-only files, by libfuse's low-level interface. One thread takes the requests
// from the kernel, and answers those for which everything is in memory; workers answer the others in their
// own time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/mount/content.h"

namespace hib::mount {

class LayoutFile;

struct MountedFile {
  std::string name;
  std::shared_ptr<Content> content;
  const LayoutFile* layout = nullptr;  // the same, where it is one: it is read ahead
};

struct MountOptions {
  std::string folder;   // absolute
  std::string source;   // what the system shows as mounted there
  bool others = false;  // other users may read it
  unsigned threads = 1;
};

class Server {
 public:
  // Mounts. Errors are those that fusermount3 or the system says.
  static Result<std::unique_ptr<Server>> mount(std::vector<MountedFile> files, const MountOptions& options);
  virtual ~Server() = default;

  // Serves until somebody unmounts or a signal comes; after a signal nothing is mounted any more. `on_start`
  // is called when the system has taken the mount; its error ends it.
  virtual Result<void> serve(const std::function<Result<void>()>& on_start) = 0;
};

}  // namespace hib::mount
