// Where the kernel looked, and what the initramfs said before it asked the kernel at all.
#include <algorithm>

#include <fmt/format.h>

#include "lib/diagnose/post_mortem/attempt.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::string_view kNoSignature = "-22";
constexpr std::string_view kDeviceHeld = "-16";

// The boot that hibernated did not come back. That it has armed an image is certain where its log goes on to
// the end; a journal ends where the snapshot was made.
std::optional<Confidence> was_armed(const Story& story) {
  if (!story.saving || story.saving->has_come_back) return std::nullopt;
  const Saving& saving = *story.saving;
  const auto has = [&](Event event) {
    return find_event(*saving.boot, saving.first, saving.end, event) != nullptr;
  };
  if (only_zram(*saving.boot) != nullptr) return std::nullopt;  // gone before anybody could look for it
  if (has(Event::SavingDone)) return Confidence::Certain;
  return has(Event::SavingStarted) ? std::nullopt : std::optional(Confidence::Possible);
}

void judge_no_signature(const Case& facts, const LogEvent& event, Findings& findings) {
  const bool is_armed = facts.disk != nullptr && facts.disk->info.state == ImageState::Armed;
  const bool has_image = facts.disk != nullptr && facts.disk->holds_image();
  const auto armed = was_armed(facts.story);
  if (!is_armed && (!armed || has_image)) {
    if (facts.story.saving || has_image) return;  // nothing was to be found any more
    Cause cause =
        cause_of(Code::Never, event, "no boot is known to have hibernated, and the kernel found no image");
    cause.confidence = Confidence::Possible;
    findings.causes.push_back(std::move(cause));
    return;
  }
  Cause cause = cause_of(
      Code::WrongPlace, event,
      is_armed ? fmt::format("the kernel looked where no image is; one lies armed on {}", facts.disk->path)
               : "the machine hibernated, and the next kernel found no image where it looked");
  if (!is_armed) cause.confidence = std::max(cause.confidence, *armed);
  cause.advice = advise_place(facts);
  findings.causes.push_back(std::move(cause));
}

void judge_looking(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* event = attempt.find(Event::ImageNotFound);
  if (event == nullptr || attempt.has(Event::ImageLoaded) || attempt.has(Event::LoadingStarted)) return;
  if (attempt.has(Event::SignatureMismatch)) return;  // printed after that, too
  const std::string code = detail_of(*event, 0);
  if (code == kNoSignature) return judge_no_signature(facts, *event, findings);
  const std::size_t place = static_cast<std::size_t>(event - attempt.boot().events.data());
  const LogEvent* mounted = find_event(attempt.boot(), 0, place, Event::FilesMounted);
  if (code == kDeviceHeld && mounted != nullptr) {
    Cause written =
        cause_of(Code::FileSystemWritten, *mounted,
                 fmt::format("{} was mounted before the kernel was asked to resume, which it then did not: "
                             "resuming now would ruin that file system",
                             detail_of(*mounted, 0)));
    written.evidence.push_back(evidence_of(event->line));
    written.advice.push_back({"let the initramfs resume before it mounts anything", "", ""});
    findings.causes.push_back(std::move(written));
    return;
  }
  Cause cause =
      code == kDeviceHeld
          ? cause_of(Code::NotTried, *event,
                     "the device that was to be resumed from was in use when the kernel was asked to resume")
          : cause_of(
                Code::DeviceMoved, *event,
                fmt::format("the device that was to be resumed from could not be opened (error {})", code));
  cause.confidence = Confidence::Likely;
  if (code != kDeviceHeld) cause.advice = advise_place(facts);
  findings.causes.push_back(std::move(cause));
}

// What the unit depends on is the device: that it did not come is the reason, and this is what follows.
bool waited_in_vain(const LogEvent& unit_failed, const Attempt& attempt) {
  const LogEvent* device = find_event(attempt.boot(), 0, attempt.boot().events.size(), Event::DeviceTimedOut);
  return device != nullptr && device < &unit_failed;
}

void judge_user_space(const Case& facts, const Attempt& attempt, Findings& findings) {
  if (attempt.has(Event::LoadingStarted)) return;  // whatever user space said, the kernel was asked
  if (const LogEvent* event = attempt.find(Event::EfiVariableOfOther)) {
    Cause cause =
        cause_of(Code::EfiVariable, *event,
                 "systemd did not resume: the EFI variable HibernateLocation names another system than the "
                 "one that its initramfs says it is");
    if (facts.story.saving) {
      cause.advice = {{"let ID= of the initramfs' os-release be that of the system", "", ""},
                      remedies_of(facts).rebuild()};
    } else {
      cause.advice = {boot::Remedies::clear_efi_variable()};
    }
    findings.causes.push_back(std::move(cause));
  }
  if (const LogEvent* event = attempt.find(Event::EfiVariableUnreadable)) {
    findings.causes.push_back(cause_of(
        Code::EfiVariable, *event,
        fmt::format("the EFI variable HibernateLocation could not be read: {}", detail_of(*event, 0))));
    findings.causes.back().advice = advise_place(facts);
  }
  if (const LogEvent* event = attempt.find(Event::ResumeUnitSkipped)) {
    findings.causes.push_back(
        cause_of(Code::NotTried, *event,
                 fmt::format("the initramfs did not ask the kernel to resume: {}", detail_of(*event, 0))));
    findings.causes.back().advice = advise_place(facts);
  }
  const LogEvent* event = attempt.find(Event::ResumeUnitFailed);
  if (event != nullptr && !waited_in_vain(*event, attempt)) {
    findings.causes.push_back(
        cause_of(Code::NotTried, *event,
                 fmt::format("the initramfs could not ask the kernel to resume: {}", detail_of(*event, 1))));
    findings.causes.back().advice = advise_place(facts);
  }
}

}  // namespace

void judge_place(const Case& facts, const Attempt& attempt, Findings& findings) {
  judge_looking(facts, attempt, findings);
  judge_user_space(facts, attempt, findings);
}

}  // namespace hib::diagnose
