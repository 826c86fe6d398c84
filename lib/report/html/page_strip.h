// The memory of a machine as rows of cells, lowest page first: in each cell, how many pages are of which
// kind.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lib/ops/page_strip.h"
#include "lib/report/html/writer.h"

namespace hib::report {

struct StripColour {
  std::string_view name;    // "unreadable"
  std::string_view colour;  // a class: "k0", "alarm"
  bool is_alarm = false;    // one page of it is seen in a cell of a million, and is pointed at
};

// `kinds` in the order of the strip's.
void draw_strip(Html& html, const PageStrip& strip, std::uint32_t page_size,
                const std::vector<StripColour>& kinds);

}  // namespace hib::report
