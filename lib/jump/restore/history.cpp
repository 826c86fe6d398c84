#include "lib/jump/restore/history.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::jump {

std::string why_nothing_there(const std::vector<Breadcrumb>& history, bool force) {
  if (history.empty()) return "";
  const Breadcrumb& last = history.back();
  const std::string failed = last.is(Phase::Failed) && !has_phase(history, Phase::ResumeAttempted)
                                 ? "saving failed, and the machine went on: " + last.text
                                 : "";
  if (!force && has_gone_on(history)) {
    return !failed.empty() ? failed
           : has_phase(history, Phase::Resumed)
               ? "the machine has gone on from here"
               : "a jump back has left here, and the machine has noted nothing since";
  }
  if (has_phase(history, Phase::Committed)) return "";
  if (history.size() == 1 && last.is(Phase::Armed)) return "armed, and nothing was saved";
  return failed;
}

Result<void> check_history(const std::vector<Breadcrumb>& history, const std::string& path, bool force) {
  if (force) return {};
  const auto attempts = std::count_if(history.begin(), history.end(), [](const Breadcrumb& crumb) {
    return crumb.is(Phase::ResumeAttempted);
  });
  if (attempts >= kMaxAttempts) {
    return fail(make_error(ErrorKind::Refused, "history",
                           fmt::format("{} attempts to resume that failed", attempts),
                           fmt::format("up to {}", kMaxAttempts))
                    .of(path)
                    .advise("hibtool inspect shows how far they got; --force tries again"));
  }
  return {};
}

}  // namespace hib::jump
