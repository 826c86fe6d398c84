// What happened, on one clock: a picture with a lane for each boot, and a table of all of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/report/html/writer.h"

namespace hib::report {

struct Moment {
  std::optional<std::uint64_t> wall_us;       // since 1970
  std::optional<std::uint64_t> monotonic_us;  // since its boot
  std::string text;                           // hostile
  bool is_marked = false;
};

struct Lane {
  std::string name;  // "boot 2"
  std::string detail;
  std::vector<Moment> moments;  // at least one; in order
};

// The picture is left out where the moments have no clock in common. `mark` says what a red ring
// is; it stands there where one is drawn.
void add_timeline(Html& html, const std::vector<Lane>& lanes, std::string_view mark);

}  // namespace hib::report
