// Is there room for the image on the disk, and for the copy that the kernel makes of the memory first?
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

// Compressed to less than a third, memory would have to be unusually empty.
constexpr std::uint64_t kBestRatio = 3;

std::string range_of(const Bounds& bounds) {
  const std::string likely = human_bytes(bounds.likely);
  const std::string least = human_bytes(bounds.least);
  const std::string most = human_bytes(bounds.most);
  return likely == least && likely == most ? likely : fmt::format("{} ({} to {})", likely, least, most);
}

// How much memory would be saved, beside what the kernel aims at.
void check_size(Sheet& sheet, const ImageEstimate& estimate) {
  constexpr std::string_view kName = "image-size";
  const std::string in_use = human_bytes(estimate.in_use);
  const std::string limit = human_bytes(estimate.image_size);
  if (estimate.image.likely >= estimate.in_use) {
    sheet.ok(kName, Code::NoSpace,
             fmt::format("all {} of memory in use would be saved; image_size is {}", in_use, limit));
    return;
  }
  sheet.ok(
      kName, Code::NoSpace,
      fmt::format(
          "{} of memory are in use, and image_size is {}: the kernel would drop or swap out some and save {}",
          in_use, limit, human_bytes(estimate.image.likely)));
}

std::string advice_of_space() { return "make the swap area larger, or end programs before hibernating"; }

// By the counters of /proc/meminfo alone.
void check_space_roughly(Sheet& sheet, const ImageEstimate& estimate, const boot::SwapArea& area) {
  constexpr std::string_view kName = "image-space";
  const std::uint64_t free = area.free_bytes();
  const std::string& why = sheet.facts.why_no_sample;
  const std::string sizes = fmt::format("the image holds about {}, and {} has {} free",
                                        human_bytes(estimate.image.likely), area.name, human_bytes(free));
  const std::string source =
      why.empty() ? "" : fmt::format(" (an estimate by /proc/meminfo; memory could not be sampled: {})", why);
  if (free >= estimate.image.likely) {
    sheet.ok(kName, Code::NoSpace, sizes + source);
    return;
  }
  const bool has_hope = is_compressed(sheet.facts) && free >= estimate.stuck / kBestRatio;
  Check& check =
      has_hope ? sheet.warn(kName, Code::NoSpace, sizes + ": it fits only as far as it compresses" + source)
               : sheet.fails(kName, Code::NoSpace, sizes + ": it does not fit" + source);
  check.evidence = area.said_by;
  check.fix.push_back({advice_of_space(), "", ""});
}

void check_space(Sheet& sheet, const ImageEstimate& estimate) {
  constexpr std::string_view kName = "image-space";
  const boot::SwapArea* area = image_area(sheet.facts);
  if (area == nullptr) return;
  if (!estimate.area) return check_space_roughly(sheet, estimate, *area);
  const MemorySample& sample = *sheet.facts.memory_sample;
  const std::uint64_t free = area->free_bytes();
  const std::string how = is_compressed(sheet.facts)
                              ? fmt::format("{} samples of memory shrink to {:.0f} % by {}",
                                            sample.units.size(), sample.ratio() * 100, sample.codec)
                              : "it is not compressed";
  const std::string sizes = fmt::format("the image would take about {} of the {} free in {}: {}",
                                        range_of(*estimate.area), human_bytes(free), area->name, how);
  if (free >= estimate.area->most) {
    sheet.ok(kName, Code::NoSpace, sizes);
    return;
  }
  Check& check = free >= estimate.area->least
                     ? sheet.warn(kName, Code::NoSpace, sizes + "; it may not fit")
                     : sheet.fails(kName, Code::NoSpace, sizes + "; it does not fit");
  check.evidence = area->said_by;
  check.fix.push_back({advice_of_space(), "", ""});
}

// enough_swap() asks only where nothing is compressed. Otherwise the kernel writes until the area is full.
void check_kernel_rule(Sheet& sheet, const ImageEstimate& estimate) {
  constexpr std::string_view kName = "kernel-space";
  const boot::SwapArea* area = image_area(sheet.facts);
  if (area == nullptr) return;
  if (!estimate.wanted_at_start) {
    sheet.ok(kName, Code::NoSpace,
             "the kernel asks for no room beforehand: it compresses, and writes until the area is full");
    return;
  }
  const std::string sizes =
      fmt::format("the kernel does not compress (hibernate=nocompress), and wants {} free before it begins",
                  human_bytes(*estimate.wanted_at_start));
  if (area->free_bytes() > *estimate.wanted_at_start) {
    sheet.ok(kName, Code::NoSpace, sizes);
    return;
  }
  Check& check = sheet.fails(
      kName, Code::NoSpace, fmt::format("{}: {} has {}", sizes, area->name, human_bytes(area->free_bytes())));
  check.fix.push_back({"take hibernate=nocompress off the command line", "", ""});
}

void check_copy(Sheet& sheet, const ImageEstimate& estimate) {
  constexpr std::string_view kName = "snapshot-memory";
  const std::uint64_t half = estimate.total / 2;
  if (estimate.stuck <= half) {
    sheet.ok(kName, Code::NoSnapshotMemory, "there is room in memory for the copy that is written out");
    return;
  }
  // The kernel swaps out what is too much, to where the image has to go as well.
  std::uint64_t free_swap = 0;
  for (const boot::SwapArea& area : sheet.facts.configuration.swap.areas) {
    if (area.is_active && !area.is_zram) free_swap += area.free_bytes();
  }
  const std::uint64_t excess = estimate.stuck - half;
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
  const auto estimate = estimate_image(sheet.facts);
  if (!estimate) {
    sheet.unknown("image-space", Code::NoSpace,
                  "how large the image would be is not known: /proc/meminfo cannot be read");
    return;
  }
  check_size(sheet, *estimate);
  check_space(sheet, *estimate);
  check_kernel_rule(sheet, *estimate);
  check_copy(sheet, *estimate);
}

}  // namespace hib::diagnose::checks
