// What happened, in order: the boot that hibernated, the boots after it, and the machine that came back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/diagnose/log/log.h"

namespace hib::diagnose {

struct TimelineEntry {
  std::optional<std::uint64_t> wall_us;       // since 1970
  std::optional<std::uint64_t> monotonic_us;  // since its boot
  std::string boot;                           // its id, or "boot 2 of restoring.log"
  std::string text;                           // hostile
};

std::vector<TimelineEntry> timeline_of(const LogSet& logs);

}  // namespace hib::diagnose
