// One side of a comparison: an image, the file of a probe, or a machine.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/common.h"
#include "cli/render_json.h"
#include "lib/device/device.h"

namespace hib::cli {

struct DiffSide {
  std::string path;
  std::string format;                        // as inspect says it; "probe", "machine"
  std::unique_ptr<ImageReader> image;        // null where there is no memory to compare
  std::optional<device::DeviceSet> devices;  // nothing where they are not recorded

  Json json() const { return {{"path", path}, {"format", format}}; }
};

// Input number `position` of the command line.
Result<DiffSide> open_side(const Context& context, const std::string& path, std::size_t position);

// This machine, or the one whose /proc and /sys lie below `root`.
Result<DiffSide> machine_side(const std::string& root);

}  // namespace hib::cli
