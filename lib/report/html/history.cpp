#include "lib/report/html/history.h"

#include <fmt/format.h>

#include "lib/report/html/parts.h"
#include "lib/report/html/timeline.h"

namespace hib::report {
namespace {

// What led to the image, and each attempt to go back to it.
std::vector<Lane> lanes_of_history(const std::vector<Breadcrumb>& history) {
  std::vector<Lane> lanes;
  for (const Breadcrumb& crumb : history) {
    const bool is_attempt = crumb.is(Phase::ResumeAttempted);
    if (lanes.empty() || is_attempt) {
      const std::size_t attempts = lanes.size() + (is_attempt && lanes.empty() ? 1 : 0);
      lanes.push_back({is_attempt ? fmt::format("resume {}", attempts) : "save", "", {}});
    }
    const auto time = crumb.time_ns == 0 ? std::nullopt : std::optional(crumb.time_ns / 1000);
    const std::string text = crumb.text.empty() ? "" : ": " + crumb.text;
    lanes.back().moments.push_back({time, std::nullopt, std::string(phase_name(crumb.phase)) + text,
                                    crumb.is(Phase::Failed) || crumb.is(Phase::DeviceFailed)});
  }
  return lanes;
}

}  // namespace

void add_history(Html& html, const std::vector<Breadcrumb>& history) {
  if (history.empty()) return;
  const Section section(html, "history", "History, as the image keeps it");
  add_timeline(html, lanes_of_history(history), "A red ring is a failure.");
}

}  // namespace hib::report
