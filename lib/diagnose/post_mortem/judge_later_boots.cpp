// The boots after the one that hibernated: they passed the image by, or one of them was lost.
#include <algorithm>

#include <fmt/format.h>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

void judge_waiting(const Case& facts, const BootLog& boot, Findings& findings) {
  const LogEvent* event = find_event(boot, 0, boot.events.size(), Event::DeviceTimedOut);
  if (event == nullptr) return;
  const std::string device = awaited_device(*event, boot);
  if (is_mapped(device)) return;  // it is there, and locked
  Cause cause =
      cause_of(Code::WrongPlace, *event, fmt::format("the boot waited for {}, which did not appear", device));
  cause.confidence = Confidence::Likely;  // it may have waited for another reason
  cause.advice = advise_place(facts);
  findings.causes.push_back(std::move(cause));
}

// systemd in the system itself found the variable that its initramfs should have read.
void judge_variable(const Case& facts, const BootLog& boot, Findings& findings) {
  const LogEvent* found = find_event(boot, 0, boot.events.size(), Event::EfiVariableFound);
  if (found == nullptr || has_begun_to_resume(boot)) return;
  // After a resume that went well it may still be there, with the kernel that runs.
  const bool is_of_this_kernel =
      !boot.kernel.empty() && detail_of(*found, 2).find("kernel=" + boot.kernel) != std::string::npos;
  if (!facts.story.saving && is_of_this_kernel) return;
  const std::string what =
      fmt::format("the EFI variable HibernateLocation names an image on {}", detail_of(*found, 0));
  Cause cause =
      cause_of(Code::EfiVariable, *found,
               facts.story.saving ? what + ", and the initramfs did not resume by it"
                                  : what + ", and no boot in the logs has hibernated: it is left over");
  if (const LogEvent* cleared = find_event(boot, 0, boot.events.size(), Event::EfiVariableCleared))
    cause.evidence.push_back(evidence_of(cleared->line));
  if (!facts.story.saving) {
    cause.advice = {boot::Remedies::clear_efi_variable()};
  } else {
    cause.advice = advise_place(facts);
    cause.advice.push_back(
        {"or let the initramfs have systemd's resume unit, and the ID= of the system in its "
         "os-release",
         "", ""});
  }
  findings.causes.push_back(std::move(cause));
}

// Of any boot after the saving one: it passed the image by.
void judge_passing_by(const Case& facts, const BootLog& boot, Findings& findings) {
  judge_locked(facts, boot, findings);
  judge_waiting(facts, boot, findings);
  judge_variable(facts, boot, findings);
  const LogEvent* rewritten = find_event(boot, 0, boot.events.size(), Event::SwapSignatureRewritten);
  if (rewritten == nullptr) return;
  Cause cause = cause_of(Code::NotTried, *rewritten,
                         "the boot did not resume, and then swapon took the image's signature away");
  if (!boot.command_line.empty()) cause.evidence.push_back(command_line_of(boot));
  cause.advice.push_back(advise_looking(facts));
  findings.causes.push_back(std::move(cause));
}

// The log goes on to where the kernel would have been asked to resume, and further: a log that was cut before
// proves nothing.
bool has_come_up(const BootLog& boot) {
  constexpr Event kSigns[] = {Event::FilesMounted, Event::SystemStarted,          Event::SwapAdded,
                              Event::SwapRefused,  Event::SwapSignatureRewritten, Event::ActionAsked,
                              Event::SleepStarted, Event::HibernationEntered,     Event::ShutDown};
  return std::any_of(boot.events.begin(), boot.events.end(), [&](const LogEvent& event) {
    return std::find(std::begin(kSigns), std::end(kSigns), event.message.event) != std::end(kSigns);
  });
}

void judge_no_try(const Case& facts, Findings& findings) {
  if (facts.story.later_boots.empty()) return;
  const BootLog& boot = *facts.story.later_boots.front();
  if (judge_kernel_that_refuses(facts, boot, findings) || facts.story.resuming) return;
  if (boot.kernel.empty() && boot.command_line.empty()) return;  // not a log of a whole boot
  const bool has_image = facts.disk != nullptr && facts.disk->is_kernels();
  if (!has_image && !facts.story.saving) return;
  const boot::CommandLine line = boot::parse_command_line(boot.command_line);
  const bool is_forbidden = line.no_resume;
  if (!is_forbidden && !has_come_up(boot)) {
    findings.not_checked.push_back(
        fmt::format("{}: the log ends before the system is up: whether the boot tried to resume is not known",
                    boot.source));
    return;
  }
  const std::string saved_by = facts.story.saving ? facts.story.saving->boot->kernel : "";
  if (!saved_by.empty() && !boot.kernel.empty() && saved_by != boot.kernel) {
    Cause other{Code::OtherBoot, Confidence::Likely, "", {}, {}};
    other.text =
        fmt::format("Linux {} was booted, and not Linux {}, which hibernated; it did not try to resume",
                    boot.kernel, saved_by);
    if (!boot.command_line.empty()) other.evidence.push_back(command_line_of(boot));
    other.advice = {{"check every file system before going back: this boot may have written to them", "", ""},
                    advise_kernel(facts)};
    findings.causes.push_back(std::move(other));
    return;
  }
  // A log that was cut early may have lost it.
  const Confidence silent = mounted_in(boot) != nullptr ? Confidence::Likely : Confidence::Possible;
  Cause cause{Code::NotTried, is_forbidden ? confidence_of_command_line(boot) : silent, "", {}, {}};
  cause.text = is_forbidden ? "noresume on the command line kept the kernel from resuming"
                            : "nothing asked the kernel to resume: its log has not a word of it";
  cause.advice.push_back(is_forbidden ? remedies_of(facts).take_off(line.off_by) : advise_looking(facts));
  if (!boot.command_line.empty()) cause.evidence.push_back(command_line_of(boot));
  findings.causes.push_back(std::move(cause));
}

bool takes_signature(const BootLog& boot) {
  return has_begun_to_resume(boot) ||
         find_event(boot, 0, boot.events.size(), Event::SwapSignatureRewritten) != nullptr;
}

// The journal keeps every boot but the one whose memory was overwritten: the one that jumped.
void judge_lost_boot(const Case& facts, Findings& findings) {
  const bool is_consumed = facts.disk != nullptr && facts.disk->info.state == ImageState::Consumed;
  const Story& story = facts.story;
  if (!is_consumed || !story.saving || story.saving->has_come_back || story.later_boots.empty()) return;
  if (story.saving->boot->id.empty()) return;  // an image's own log never knows that it came back
  const auto& later = story.later_boots;
  const bool is_journal =
      std::all_of(later.begin(), later.end(), [](const BootLog* boot) { return !boot->id.empty(); });
  if (!is_journal ||
      std::any_of(later.begin(), later.end(), [](const BootLog* boot) { return takes_signature(*boot); }))
    return;
  Cause cause{Code::Hung,
              Confidence::Possible,
              "the image's signature was taken away, and by no boot that the journal knows: one has reached "
              "the jump, "
              "and was never heard of again",
              {},
              {}};
  add_last_words(facts, *later.front(), cause);
  findings.causes.push_back(std::move(cause));
}

}  // namespace

void judge_later_boots(const Case& facts, Findings& findings) {
  if (facts.story.saving && facts.story.saving->has_come_back)
    return;  // what comes later is not about this image
  for (const BootLog* boot : facts.story.later_boots) judge_passing_by(facts, *boot, findings);
  const std::size_t before = findings.causes.size();
  judge_lost_boot(facts, findings);
  if (findings.causes.size() == before) judge_no_try(facts, findings);
}

}  // namespace hib::diagnose
