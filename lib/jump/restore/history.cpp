#include "lib/jump/restore/history.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::jump {
namespace {

// The machine has left, and the saver has said neither that all is saved nor that it could not.
bool is_unfinished(const std::vector<Breadcrumb>& history) {
  if (history.empty() || has_phase(history, Phase::Committed)) return false;
  const Breadcrumb& last = history.back();
  return last.is(Phase::DevicesSuspended) || last.is(Phase::Jumped) || last.is(Phase::Saving);
}

}  // namespace

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
  if (is_unfinished(history)) {
    return fail(make_error(ErrorKind::Corrupt, "history", "saving was not finished: that machine is lost",
                           "an image that was committed")
                    .of(path)
                    .advise("hibtool inspect shows how far it got; hibtool arm takes the target again"));
  }
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
