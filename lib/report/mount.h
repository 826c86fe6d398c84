// A mounted image: the files in it that are texts, and what mount says of it.
#pragma once

#include <sys/types.h>

#include <ostream>
#include <string>
#include <vector>

#include "lib/image/format.h"
#include "lib/mount/server.h"
#include "lib/report/json.h"

namespace hib::report {

struct MissingFile {
  std::string name;
  std::string reason;
};

struct MountReport {
  ImageInfo image;
  std::string folder;
  pid_t server = 0;  // the process that serves it
  bool absent_is_zero = false;
  std::vector<mount::MountedFile> files;
  std::vector<MissingFile> missing;  // that this image cannot have
};

// Adds log, records.json and map.txt: what inspect prints of the image, which must outlive them.
// `is_searched`: its pages were looked at to find the kernel.
Result<void> add_texts(const ImageReader& image, bool is_searched, MountReport& report);

void print_mount(std::ostream& out, const MountReport& report);
Json json_of_mount(const MountReport& report);

}  // namespace hib::report
