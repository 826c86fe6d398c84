// Whether two sides are the same, as far as both say: their memory, their devices, or both.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "lib/device/match/match.h"
#include "lib/image/reader.h"
#include "lib/ops/diff.h"

namespace hib {

// An image, the file of a probe, or a machine.
struct Side {
  std::string path;                          // printable
  std::string format;                        // as inspect says it; "probe", "machine"
  std::unique_ptr<ImageReader> image;        // null where there is no memory to compare
  std::optional<device::DeviceSet> devices;  // nothing where they are not recorded
};

struct Difference {
  std::optional<DiffReport> memory;           // nothing where a side has none
  std::optional<device::Comparison> devices;  // nothing where a side has no records of them

  bool identical() const {
    return (!memory || memory->identical()) && (!devices || devices->nothing_changed());
  }
};

// Unsupported where the sides have nothing in common that could be compared.
Result<Difference> compare(const Side& before, const Side& now, const PipelineOptions& options);

// Those of the two sides that are images.
std::vector<ImageInfo> images_of(const Side& before, const Side& now);

}  // namespace hib
