#include "lib/ops/carve.h"

#include <algorithm>

#include "lib/image/input.h"

namespace hib {

Result<CarveReport> carve(const Formats& formats, const std::string& path, const OpenOptions& open,
                          const ProgressCallback& progress) {
  TRY(const auto file, open_input(path, open.progress));
  CarveReport report;
  report.path = file->path();
  report.file_bytes = file->size();
  const auto tell = [&](std::uint64_t done, std::uint64_t total) {
    if (progress) progress({done, total});
  };
  for (const Format* format : formats.rows()) {
    if (format->carve == nullptr) continue;
    TRY(auto found, format->carve(file, open, tell));
    report.found.unreadable_bytes = std::max(report.found.unreadable_bytes, found.unreadable_bytes);
    std::move(found.images.begin(), found.images.end(), std::back_inserter(report.found.images));
    std::move(found.notes.begin(), found.notes.end(), std::back_inserter(report.found.notes));
  }
  return report;
}

}  // namespace hib
