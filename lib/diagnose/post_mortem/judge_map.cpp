// Which region of the firmware's memory map moved, and how often it does.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::size_t kShownRegions = 8;

// "the map changed 7 times over 12 boots in a row"
void add_history(const LogSet& logs, Cause& cause) {
  const MapHistory history = history_of(logged_maps(logs));
  if (history.boots < 3) return;  // two are the ones that differ
  cause.evidence.push_back(
      {"the logs", std::nullopt, "", std::nullopt,
       fmt::format("the map changed {} times over {} boots in a row", history.changes, history.boots)});
}

// Firmware that takes a little for itself moves a border; whole MiB come and go with modules of memory, or of
// a virtual machine.
constexpr std::uint64_t kOtherSize = std::uint64_t{16} << 20;

}  // namespace

void add_region_changes(const Case& facts, Cause& cause) {
  add_history(facts.logs, cause);
  if (facts.map_before.empty() || facts.map_here.empty()) return;
  const MapComparison comparison = compare_maps(facts.map_before, facts.map_here);
  if (comparison.changes.empty()) return;
  for (std::size_t i = 0; i < std::min(comparison.changes.size(), kShownRegions); ++i)
    cause.evidence.push_back(
        {"memory maps, before and now", std::nullopt, "", std::nullopt, to_text(comparison.changes[i])});
  const std::uint64_t before = comparison.ram_before;
  const std::uint64_t now = comparison.ram_now;
  if ((before < now ? now - before : before - now) >= kOtherSize) {
    cause.code = Code::MemorySize;
    cause.text = fmt::format("the machine has {} of memory, and had {} when the image was made",
                             human_bytes(now), human_bytes(before));
  }
  cause.text +=
      fmt::format(" ({} changed; usable memory is {})", counted(comparison.changes.size(), "region"),
                  comparison.is_ram_same ? "the same" : "not the same");
}

}  // namespace hib::diagnose
