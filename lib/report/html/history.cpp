#include "lib/report/html/history.h"

#include <fmt/format.h>

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
  const Element section(html, "section", {{"id", "history"}});
  html.element("h2", "History, as the image keeps it");
  const bool has_failed = has_phase(history, Phase::Failed) || has_phase(history, Phase::DeviceFailed);
  add_timeline(html, lanes_of_history(history), has_failed ? "A red ring is a failure." : "");
}

}  // namespace hib::report
