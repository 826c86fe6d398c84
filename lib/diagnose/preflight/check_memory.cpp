// Is there room for the image on the disk, and for the copy that the kernel makes of the memory first? Both
// are estimates from /proc/meminfo: how much compresses is known only afterwards.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

// Compressed to less than a third, memory would have to be unusually empty.
constexpr std::uint64_t kBestRatio = 3;

struct Estimate {
  std::uint64_t total = 0;
  std::uint64_t least = 0;  // what cannot be dropped: all but free memory and caches of files
  std::uint64_t image = 0;  // uncompressed: the kernel drops caches until it is below image_size
};

// hibernate_preallocate_memory() of kernel/power/snapshot.c, roughly.
Estimate estimate_of(const boot::KernelState& kernel) {
  Estimate estimate;
  const auto memory = [&](const char* name) { return kernel.memory_of(name); };
  estimate.total = memory("MemTotal");
  const std::uint64_t used = estimate.total - std::min(estimate.total, memory("MemFree"));
  const std::uint64_t files =
      memory("Buffers") + memory("Cached") - std::min(memory("Cached"), memory("Shmem"));
  estimate.least = used - std::min(used, files + memory("SReclaimable"));
  const std::uint64_t wanted = kernel.image_size.value_or(estimate.total * 2 / 5);
  estimate.image =
      std::clamp(std::max(wanted, estimate.least), estimate.least, std::max(used, estimate.least));
  return estimate;
}

bool is_compressed(const PreflightFacts& facts) {
  const auto running = facts.configuration.settings_of(boot::Origin::RunningCommandLine);
  return running.empty() || running.front()->line.hibernate != "nocompress";
}

void check_space(Sheet& sheet, const Estimate& estimate) {
  constexpr std::string_view kName = "image-space";
  const boot::SwapArea* area = image_area(sheet.facts);
  if (area == nullptr) return;
  const std::uint64_t free = area->free_bytes();
  const std::string sizes = fmt::format("the image holds about {}, and {} has {} free",
                                        human_bytes(estimate.image), area->name, human_bytes(free));
  if (free >= estimate.image) {
    sheet.ok(kName, Code::NoSpace, sizes);
    return;
  }
  const bool has_hope = is_compressed(sheet.facts) && free >= estimate.least / kBestRatio;
  Check& check = has_hope ? sheet.warn(kName, Code::NoSpace, sizes + ": it fits only as far as it compresses")
                          : sheet.fails(kName, Code::NoSpace, sizes + ": it does not fit");
  check.evidence = area->said_by;
  check.fix.push_back({"make the swap area larger, or end programs before hibernating", "", ""});
}

void check_copy(Sheet& sheet, const Estimate& estimate) {
  constexpr std::string_view kName = "snapshot-memory";
  const std::uint64_t half = estimate.total / 2;
  if (estimate.least <= half) {
    sheet.ok(kName, Code::NoSnapshotMemory, "there is room in memory for the copy that is written out");
    return;
  }
  // The kernel swaps out what is too much, to where the image has to go as well.
  std::uint64_t free_swap = 0;
  for (const boot::SwapArea& area : sheet.facts.configuration.swap.areas) {
    if (area.is_active && !area.is_zram) free_swap += area.free_bytes();
  }
  const std::uint64_t excess = estimate.least - half;
  if (free_swap >= excess + half / kBestRatio) {
    sheet.ok(kName, Code::NoSnapshotMemory,
             fmt::format("{} must be swapped out before the copy is made, and there is swap for it",
                         human_bytes(excess)));
    return;
  }
  sheet
      .warn(kName, Code::NoSnapshotMemory,
            fmt::format("the copy in memory needs {} more than there is, and swap has no room for that: it "
                        "may end with "
                        "\"Cannot allocate memory\"",
                        human_bytes(excess)))
      .fix.push_back({"end programs, or switch zram off, before hibernating", "", ""});
}

}  // namespace

void check_memory(Sheet& sheet) {
  const Estimate estimate = estimate_of(sheet.facts.configuration.kernel);
  if (estimate.total == 0) {
    sheet.unknown("image-space", Code::NoSpace,
                  "how large the image would be is not known: /proc/meminfo cannot be read");
    return;
  }
  check_space(sheet, estimate);
  check_copy(sheet, estimate);
}

}  // namespace hib::diagnose::checks
