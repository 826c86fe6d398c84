// A trap: the image is still armed after a resume that hung, so that each boot tries it and hangs again.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/post_mortem/rules.h"
#include "lib/diagnose/post_mortem/session.h"

namespace hib::diagnose {
namespace {

bool tells_of_an_end(const BootLog& boot) {
  constexpr Event kEnds[] = {Event::LoadingFailed, Event::ResumeFailed, Event::ImageRestored,
                             Event::HibernationExited, Event::FilesMounted};
  return std::any_of(std::begin(kEnds), std::end(kEnds),
                     [&](Event end) { return find_event(boot, 0, boot.events.size(), end) != nullptr; });
}

// Where it jumped into the image, never to be heard of again; null where it did not, or went on.
const LogEvent* silent_jump(const BootLog& boot) {
  return tells_of_an_end(boot) ? nullptr : find_event(boot, 0, boot.events.size(), Event::ImageLoaded);
}

}  // namespace

void judge_every_entry(const Case& facts, Findings& findings) {
  std::vector<const LogEvent*> jumps;
  for (const BootLog* boot : facts.story.later_boots) {
    if (const LogEvent* jump = silent_jump(*boot)) jumps.push_back(jump);
  }
  const bool is_armed =
      facts.disk != nullptr && facts.disk->info.state == ImageState::Armed && is_same_hibernation(facts);
  if (jumps.empty() || (jumps.size() == 1 && !is_armed)) return;
  Cause cause = cause_of(Code::EveryEntryTries, *jumps.front(), "");
  cause.confidence = Confidence::Likely;  // a log may also end because somebody has cut it
  cause.text = fmt::format("{} tried this image and hung after the jump{}", counted(jumps.size(), "boot"),
                           is_armed ? "; it is armed still, and the next one tries it again"
                                    : ", one after the other: the signature was not taken away for good");
  for (std::size_t i = 1; i < jumps.size(); ++i) cause.evidence.push_back(evidence_of(jumps[i]->line));
  // A boot without a resume would switch swap on, and write over the image.
  cause.advice.push_back(
      {"in the boot menu, add noresume systemd.swap=0 to the kernel's line: the machine boots, and the "
       "image stays (without systemd: boot from another disk)",
       "", ""});
  cause.advice.push_back({"copy the image before anything else",
                          facts.disk != nullptr && !facts.disk->error
                              ? "hibtool create " + shell_word(facts.disk->path) + " -o session.hib"
                              : "",
                          ""});
  findings.causes.push_back(std::move(cause));
}

}  // namespace hib::diagnose
