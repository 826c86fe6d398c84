// What diff says: of memory, of devices, or of both.
#pragma once

#include <optional>
#include <ostream>
#include <string>

#include "lib/device/match/match.h"
#include "lib/ops/diff.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

// One side of a comparison: an image, the file of a probe, or a machine.
struct Side {
  std::string path;                          // printable
  std::string format;                        // as inspect says it; "probe", "machine"
  std::optional<ImageInfo> image;            // nothing where there is no memory to compare
  std::optional<device::DeviceSet> devices;  // nothing where they are not recorded
};

struct Difference {
  std::optional<DiffReport> memory;           // nothing where a side has none
  std::optional<device::Comparison> devices;  // nothing where a side has no records of them

  bool identical() const {
    return (!memory || memory->identical()) && (!devices || devices->nothing_changed());
  }
};

Json json_of_difference(const Difference& difference, const Side& before, const Side& now);
void print_difference(std::ostream& out, const Style& style, const Difference& difference, const Side& before,
                      const Side& now);

}  // namespace hib::report
