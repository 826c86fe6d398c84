#include "lib/diagnose/post_mortem/timeline.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace hib::diagnose {
namespace {

// Boots of hostile logs may tell much; a person reads this.
constexpr std::size_t kMostEntriesOfBoot = 200;

// x86 prints its command line early, and all kernels once more.
bool is_said_twice(const LogEvent& before, const LogEvent& now) {
  return now.message.event == Event::CommandLine && before.message.event == Event::CommandLine &&
         before.message.details == now.message.details;
}

// Which disks there are is for comparing boots; of hibernation it says nothing.
bool is_of_the_story(const LogEvent& event) { return event.message.event != Event::DiskFound; }

}  // namespace

std::vector<TimelineEntry> timeline_of(const LogSet& logs) {
  std::vector<TimelineEntry> timeline;
  std::map<std::string, unsigned> boots_of;
  for (const BootLog& boot : logs.boots) {
    const unsigned number = ++boots_of[boot.source];
    if (boot.events.empty()) continue;
    const std::string name = !boot.id.empty() ? boot.id : fmt::format("boot {} of {}", number, boot.source);
    const std::size_t count = std::min(boot.events.size(), kMostEntriesOfBoot);
    for (std::size_t i = boot.events.size() - count; i < boot.events.size(); ++i) {
      if (!is_of_the_story(boot.events[i])) continue;
      const LogLine& line = boot.events[i].line;
      if (i > 0 && is_said_twice(boot.events[i - 1], boot.events[i])) continue;
      timeline.push_back({line.wall_us, line.monotonic_us, name, line.text});
    }
  }
  // Where all have a wall clock, that decides; else the order in which they were given.
  const bool is_on_one_clock = std::all_of(
      timeline.begin(), timeline.end(), [](const TimelineEntry& entry) { return entry.wall_us.has_value(); });
  if (is_on_one_clock) {
    std::stable_sort(timeline.begin(), timeline.end(),
                     [](const TimelineEntry& a, const TimelineEntry& b) { return *a.wall_us < *b.wall_us; });
  }
  return timeline;
}

}  // namespace hib::diagnose
