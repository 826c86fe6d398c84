#include "lib/jump/restore/history.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::jump {
namespace {

Error refused(const std::string& path, std::string found, std::string allowed, std::string advice) {
  return make_error(ErrorKind::Refused, "history", std::move(found), std::move(allowed))
      .of(path)
      .advise(std::move(advice));
}

}  // namespace

Result<void> check_history(const std::vector<Breadcrumb>& history, const std::string& path, bool force) {
  if (force) return {};
  if (has_gone_on(history)) {
    return fail(refused(
        path, "the machine has gone on from here before", "an image that nobody has resumed from",
        "its file systems have changed since: resuming again ruins them. --force does it all the same"));
  }
  const auto attempts = std::count_if(history.begin(), history.end(), [](const Breadcrumb& crumb) {
    return crumb.is(Phase::ResumeAttempted);
  });
  if (attempts >= kMaxAttempts) {
    return fail(refused(path, fmt::format("{} attempts to resume that failed", attempts),
                        fmt::format("up to {}", kMaxAttempts),
                        "hibtool inspect shows how far they got; --force tries again"));
  }
  return {};
}

}  // namespace hib::jump
