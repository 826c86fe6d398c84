// Finds images in a device or a file by their own structure, of every format that can be found so.
#pragma once

#include "lib/image/carve.h"
#include "lib/image/format.h"
#include "lib/ops/pipeline.h"

namespace hib {

struct CarveReport {
  std::string path;
  std::uint64_t file_bytes = 0;
  Carving found;
};

// `open`: the passphrase. `progress`: in bytes of the file.
Result<CarveReport> carve(const Formats& formats, const std::string& path, const OpenOptions& open,
                          const ProgressCallback& progress);

}  // namespace hib
