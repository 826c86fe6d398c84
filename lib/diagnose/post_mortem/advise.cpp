// What several rules say in the same words.
#include <algorithm>

#include "lib/base/text.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::size_t kShownLastLines = 3;

void add_lines(const std::vector<LogLine>& lines, Cause& cause) {
  for (std::size_t i = lines.size() - std::min(lines.size(), kShownLastLines); i < lines.size(); ++i)
    cause.evidence.push_back(evidence_of(lines[i]));
}

}  // namespace

// How the boot ended, how the kernel in the image ended, and what the clock kept of a hang.
void add_last_words(const Case& facts, const BootLog& boot, Cause& cause) {
  add_lines(boot.last_lines, cause);
  if (facts.disk != nullptr && facts.disk->log) add_lines(facts.disk->log->last_lines, cause);
  for (const BootLog& any : facts.logs.boots) {
    if (const LogEvent* traced = find_event(any, 0, any.events.size(), Event::TraceMatched))
      cause.evidence.push_back(evidence_of(traced->line));
  }
}

const BootLog* boot_that_mounted(const Case& facts) {
  if (!facts.story.saving || facts.story.saving->has_come_back) return nullptr;
  const auto& later = facts.story.later_boots;
  const auto found = std::find_if(later.begin(), later.end(),
                                  [](const BootLog* boot) { return mounted_in(*boot) != nullptr; });
  return found == later.end() ? nullptr : *found;
}

Advice advise_rearm(const Case& facts, std::string text) {
  if (facts.disk == nullptr || facts.disk->error)
    return {text + "; then hibtool rearm says of the device whether the image can be tried again", "", ""};
  const auto& checks = facts.disk->rearm;
  const bool is_proven =
      std::all_of(checks.begin(), checks.end(), [](const RearmCheck& check) { return check.ok; });
  const bool is_written = std::any_of(checks.begin(), checks.end(), [](const RearmCheck& check) {
    return check.since == fs::Since::Written;
  });
  const bool can_be = facts.disk->info.state == ImageState::Consumed && facts.disk->damage.empty() &&
                      !is_written && (is_proven || boot_that_mounted(facts) == nullptr);
  if (!can_be) return {std::move(text), "", ""};
  return {text + ", then put the signature back", "hibtool rearm " + shell_word(facts.disk->path) + " --yes",
          ""};
}

}  // namespace hib::diagnose
