// All that inspect shows of an image: the summary, and the parts that were asked for.
#pragma once

#include <optional>
#include <ostream>
#include <string_view>

#include "lib/device/device.h"
#include "lib/image/history.h"
#include "lib/ops/inspect.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

struct InspectParts {
  bool pages = false;
  bool map = false;
  bool records = false;
  bool devices = false;
  bool numeric = false;     // devices by their numbers instead of names
  bool no_summary = false;  // nor the history
};

struct Inspected {
  const InspectReport& report;
  const std::vector<Breadcrumb>& history;
  const std::optional<device::DeviceSet>&
      devices;  // nothing: the image holds none, or they were not asked for
};

// `format_title` as Formats::title() has it.
void print_inspected(std::ostream& out, const Style& style, const Inspected& image, const InspectParts& parts,
                     std::string_view format_title);
Json json_of_inspected(const Inspected& image, const InspectParts& parts);

}  // namespace hib::report
