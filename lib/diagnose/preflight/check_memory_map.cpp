// Does the firmware give the same memory map at every boot? The kernel of a PC refuses an image of another
// one (e820_table_firmware, arch/x86/power/hibernate.c).
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

constexpr std::size_t kConsideredBoots = 12;  // what was long ago may have been other memory
constexpr std::size_t kShownChanges = 4;

bool is_pc(const PreflightFacts& facts) {
  const std::string& machine = facts.configuration.kernel.machine;
  return machine.empty() || machine == "x86_64" || machine.ends_with("86");
}

void say_changed(Sheet& sheet, const MapHistory& history) {
  Check& check = sheet.warn(
      "memory-map", Code::MemoryMap,
      fmt::format(
          "the firmware's memory map changed at {} of the last {}: after such a change the kernel refuses "
          "the image",
          history.changes, counted(history.boots, "boot")));
  const auto& changes = history.last.changes;
  for (std::size_t i = 0; i < std::min(changes.size(), kShownChanges); ++i)
    check.evidence.push_back({"memory maps", std::nullopt, "", std::nullopt, to_text(changes[i])});
  check.fix.push_back(
      {"boot with the same devices plugged in; a refused image may be taken at another boot: "
       "hibtool rearm",
       "", ""});
}

}  // namespace

void check_memory_map(Sheet& sheet) {
  constexpr std::string_view kName = "memory-map";
  auto maps = sheet.facts.memory_maps;
  if (maps.size() > kConsideredBoots) maps.erase(maps.begin(), maps.end() - kConsideredBoots);
  if (maps.size() > 1) {
    const MapHistory history = history_of(maps);
    if (history.changes != 0) return say_changed(sheet, history);
    sheet.ok(
        kName, Code::MemoryMap,
        fmt::format("the firmware's memory map was the same at the last {}", counted(maps.size(), "boot")));
    return;
  }
  if (!is_pc(sheet.facts) || (maps.empty() && sheet.facts.why_no_maps.empty())) return;
  sheet.unknown(kName, Code::MemoryMap,
                fmt::format("whether the firmware's memory map is the same at every boot is not known: {}",
                            maps.empty() ? sheet.facts.why_no_maps : "only one boot has told it"));
}

}  // namespace hib::diagnose::checks
