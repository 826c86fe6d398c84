// What the kernel that was to resume said. Its own words come before every other reason.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::size_t kShownLastLines = 3;
constexpr std::string_view kNoSignature = "-22";
constexpr std::string_view kDeviceHeld = "-16";
constexpr std::string_view kNoMemory = "-12";
constexpr std::string_view kBadAddress = "-14";

// One attempt, asked for its events.
class Attempt {
 public:
  explicit Attempt(const Resuming& resuming) : resuming_(resuming) {}

  const LogEvent* find(Event event) const {
    return find_event(*resuming_.boot, resuming_.first, resuming_.end, event);
  }
  bool has(Event event) const { return find(event) != nullptr; }

  std::vector<const LogEvent*> all(Event event) const {
    std::vector<const LogEvent*> found;
    for (std::size_t i = resuming_.first; i < resuming_.end; ++i) {
      if (resuming_.boot->events[i].message.event == event) found.push_back(&resuming_.boot->events[i]);
    }
    return found;
  }

  const BootLog& boot() const { return *resuming_.boot; }

 private:
  const Resuming& resuming_;
};

void judge_hardware_signature(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* event = attempt.find(Event::SignatureMismatch);
  if (event == nullptr) return;
  Cause cause = cause_of(Code::HardwareSignature, *event,
                         fmt::format("the firmware reports another hardware signature: {} when the image was "
                                     "made, {} now",
                                     detail_of(*event, 0), detail_of(*event, 1)));
  cause.advice.push_back(
      advise_rearm(facts, "put back what was added to the machine, or taken out of it, since"));
  findings.causes.push_back(std::move(cause));
}

void judge_codec(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* event = attempt.find(Event::CodecMissing);
  if (event == nullptr) return;
  Cause cause =
      cause_of(Code::CodecMissing, *event,
               fmt::format("the kernel that was to resume had no {} decompressor", detail_of(*event, 0)));
  cause.advice.push_back(
      advise_rearm(facts, fmt::format("put the module {} into the initramfs", detail_of(*event, 0))));
  if (facts.setup != nullptr) cause.advice.push_back(facts.setup->rebuild);
  findings.causes.push_back(std::move(cause));
}

void judge_memory_map(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* moved = attempt.find(Event::MemoryMapMoved);
  const LogEvent* outside = attempt.find(Event::PfnOutsideMemory);
  const LogEvent* event = moved != nullptr ? moved : outside;
  if (event == nullptr) return;
  const bool is_same_map = !facts.map_before.empty() && !facts.map_here.empty() &&
                           compare_maps(facts.map_before, facts.map_here).changes.empty();
  if (moved == nullptr && is_same_map) {
    findings.causes.push_back(
        cause_of(Code::Damaged, *outside,
                 fmt::format("the image's list of pages names {}, which is no memory, and the "
                             "memory map is the old one: the list is damaged",
                             detail_of(*outside, 0))));
    return;
  }
  Cause cause = cause_of(Code::MemoryMap, *event,
                         "the firmware gave another memory map than at the boot that made the image");
  add_region_changes(facts, cause);  // may find that it is another size
  if (cause.code == Code::MemorySize) {
    findings.causes.push_back(std::move(cause));
    return;
  }
  cause.advice.push_back(
      advise_rearm(facts, "the map may be the old one at another boot, with the same devices plugged in"));
  findings.causes.push_back(std::move(cause));
}

struct Mismatch {
  std::string_view reason;  // as the kernel prints it
  Code code;
  std::string_view text;
};
constexpr Mismatch kMismatches[] = {
    {"memory size", Code::MemorySize,
     "the machine has another number of pages of RAM than when the image was made"},
    {"kernel version", Code::OtherKernel, "another version of the kernel was booted"},
    {"kernel release", Code::OtherKernel, "another release of the kernel was booted"},
    {"system type", Code::OtherKernel, "another system was booted"},
    {"version", Code::OtherKernel, "another build of the kernel was booted"},
    {"machine", Code::OtherProcessor, "the machine is of another architecture"},
    {"architecture specific data", Code::OtherKernel,
     "the booted kernel cannot use what the image's kernel left for it"},
};

void judge_mismatch(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* event = attempt.find(Event::ImageMismatch);
  if (event == nullptr || attempt.has(Event::MemoryMapMoved)) return;  // then it is what that leads to
  const std::string reason = detail_of(*event, 0);
  const auto* known = std::find_if(std::begin(kMismatches), std::end(kMismatches),
                                   [&](const Mismatch& mismatch) { return mismatch.reason == reason; });
  if (known == std::end(kMismatches)) {
    findings.causes.push_back(cause_of(Code::OtherKernel, *event, "the kernel refused the image's header"));
    return;
  }
  Cause cause = cause_of(known->code, *event, std::string(known->text));
  if (known->code == Code::OtherKernel)
    cause.advice.push_back(advise_rearm(facts, "choose the kernel of the image for the next boot"));
  if (known->code == Code::MemorySize)
    cause.advice.push_back(advise_rearm(facts, "give the machine the memory that it had"));
  findings.causes.push_back(std::move(cause));
}

void judge_reading(const Case& facts, const Attempt& attempt, Findings& findings) {
  for (const Event kind : {Event::ReadFailed, Event::DecodingFailed, Event::ChecksumWrong}) {
    const LogEvent* event = attempt.find(kind);
    if (event == nullptr) continue;
    const bool is_whole_now = facts.disk != nullptr && facts.disk->is_whole;
    Cause cause =
        cause_of(Code::Damaged, *event,
                 is_whole_now ? "the kernel read the image with errors, and it reads well now: the disk or "
                                "its cable, or the memory of this machine, is not reliable"
                              : "the image was damaged when the kernel read it");
    findings.causes.push_back(std::move(cause));
    return;
  }
}

// The kernel that resumes lets its own drivers stop their devices ("quiesce") before it jumps.
std::vector<const LogEvent*> refusals_in(const Attempt& attempt) {
  std::vector<const LogEvent*> refusals = attempt.all(Event::DriverRefused);
  std::erase_if(refusals, [](const LogEvent* event) { return detail_of(*event, 3) == "restore"; });
  return refusals;
}

// What the device is: its kernel name may be all that the log says.
void add_device(const Case& facts, const std::string& name, Cause& cause) {
  if (facts.devices == nullptr) return;
  const auto& all = facts.devices->devices;
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const device::Device& one) { return one.name == name; });
  if (found == all.end()) return;
  std::string text;
  for (const device::Value& value : found->identity) {
    const bool is_wanted = value.name == "vendor" || value.name == "device" || value.name == "model";
    if (is_wanted && value.presence == device::Presence::Present)
      text += (text.empty() ? "" : ", ") + value.name + " " + value.text;
  }
  if (!text.empty())
    cause.evidence.push_back({"/sys/" + found->path, std::nullopt, "", std::nullopt, std::move(text)});
}

std::string refusal_text(const LogEvent& refusal) {
  return fmt::format("the driver {} did not stop its device {} (error {})", detail_of(refusal, 1),
                     detail_of(refusal, 0), detail_of(refusal, 2));
}

void judge_driver(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* loaded = attempt.find(Event::ImageLoaded);
  const LogEvent* failed = attempt.find(Event::ResumeFailed);
  const auto refusals = refusals_in(attempt);
  if (refusals.empty() && (loaded == nullptr || failed == nullptr)) return;
  const LogEvent& first = refusals.empty() ? *failed : *refusals.front();
  Cause cause = cause_of(
      Code::DriverRefused, first,
      refusals.empty() ? fmt::format("a driver did not stop its device (error {})", detail_of(*failed, 0))
                       : refusal_text(first));
  if (loaded != nullptr) cause.text += "; the image was sound, and read completely";
  if (!refusals.empty()) add_device(facts, detail_of(first, 0), cause);
  for (std::size_t i = 1; i < refusals.size(); ++i) cause.evidence.push_back(evidence_of(refusals[i]->line));
  for (const LogEvent* called : attempt.all(Event::CallbackFailed))
    cause.evidence.push_back(evidence_of(called->line));
  if (loaded != nullptr) cause.evidence.push_back(evidence_of(loaded->line));
  if (failed != nullptr && &first != failed) cause.evidence.push_back(evidence_of(failed->line));
  cause.advice.push_back(
      refusals.empty()
          ? Advice{"see in the log which driver refused", "", ""}
          : advise_rearm(facts, fmt::format("keep {} out of the initramfs, so that the kernel that resumes "
                                            "does not load it",
                                            detail_of(first, 1))));
  findings.causes.push_back(std::move(cause));
}

void judge_memory_for_it(const Attempt& attempt, Findings& findings) {
  const LogEvent* failed = attempt.find(Event::ResumeFailed);
  if (failed == nullptr || attempt.has(Event::ImageLoaded) || detail_of(*failed, 0) != kNoMemory) return;
  findings.causes.push_back(
      cause_of(Code::NoMemoryToLoad, *failed,
               "the kernel that was to resume had no room for the image beside itself"));
}

void add_lines(const std::vector<LogLine>& lines, Cause& cause) {
  for (std::size_t i = lines.size() - std::min(lines.size(), kShownLastLines); i < lines.size(); ++i)
    cause.evidence.push_back(evidence_of(lines[i]));
}

// How the boot ended, how the kernel in the image ended, and what the clock kept of a hang.
void add_last_words(const Case& facts, const BootLog& boot, Cause& cause) {
  add_lines(boot.last_lines, cause);
  if (facts.disk != nullptr && facts.disk->log) add_lines(facts.disk->log->last_lines, cause);
  for (const BootLog& any : facts.logs.boots) {
    if (const LogEvent* traced = find_event(any, 0, any.events.size(), Event::TraceMatched))
      cause.evidence.push_back(evidence_of(traced->line));
  }
}

void judge_silence(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* loaded = attempt.find(Event::ImageLoaded);
  if (loaded == nullptr || attempt.has(Event::ResumeFailed) || attempt.has(Event::HibernationExited) ||
      attempt.has(Event::LoadingFailed)) {
    return;
  }
  if (&attempt.boot().events.back() != loaded && !attempt.has(Event::DriverRefused)) return;
  Cause cause =
      cause_of(Code::Hung, *loaded,
               "the image was read completely, and nothing was heard of the machine after the jump");
  cause.confidence = Confidence::Likely;  // a log may also end because somebody has cut it
  add_last_words(facts, attempt.boot(), cause);
  cause.advice.push_back(
      {"to see which device it hangs in: hibernate with no_console_suspend on the command line of both boots",
       "", ""});
  findings.causes.push_back(std::move(cause));
}

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
  cause.advice.push_back(
      {"let resume= (and resume_offset= of a swap file) name the place of the image", "", ""});
  findings.causes.push_back(std::move(cause));
}

void judge_place(const Case& facts, const Attempt& attempt, Findings& findings) {
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
  findings.causes.push_back(std::move(cause));
}

constexpr Event kWordsOfFailure[] = {Event::MemoryMapMoved, Event::ImageMismatch,     Event::PfnOutsideMemory,
                                     Event::CodecMissing,   Event::ReadFailed,        Event::DecodingFailed,
                                     Event::ChecksumWrong,  Event::SignatureMismatch, Event::DriverRefused,
                                     Event::ImageLoaded};

// Errors of reading that the kernel prints no word of its own about.
void judge_wordless_failure(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* failed = attempt.find(Event::ResumeFailed);
  if (failed == nullptr) return;
  if (std::any_of(std::begin(kWordsOfFailure), std::end(kWordsOfFailure),
                  [&](Event event) { return attempt.has(event); })) {
    return;
  }
  const std::string code = detail_of(*failed, 0);
  if (code == kNoMemory) return;
  const std::string saved_by = facts.story.saving ? facts.story.saving->boot->kernel : "";
  const std::string& here = attempt.boot().kernel;
  if (code == kBadAddress && !saved_by.empty() && !here.empty() && saved_by != here) {
    findings.causes.push_back(
        cause_of(Code::OtherKernel, *failed,
                 fmt::format("Linux {} did not understand the list of pages of an image of Linux "
                             "{}",
                             here, saved_by)));
    return;
  }
  findings.causes.push_back(
      cause_of(Code::Damaged, *failed, fmt::format("the kernel could not read the image (error {})", code)));
}

void judge_user_space(const Case& facts, const Attempt& attempt, Findings& findings) {
  if (attempt.has(Event::LoadingStarted)) return;  // whatever user space said, the kernel was asked
  if (const LogEvent* event = attempt.find(Event::EfiVariableOfOther)) {
    Cause cause =
        cause_of(Code::EfiVariable, *event,
                 "systemd did not resume: the EFI variable HibernateLocation names another system than the "
                 "one that its initramfs says it is");
    cause.advice.push_back(
        facts.story.saving
            ? Advice{"let ID= of the initramfs' os-release be that of the system", "", ""}
            : Advice{"nothing has hibernated: remove the variable", "",
                     "/sys/firmware/efi/efivars/HibernateLocation-8cf2644b-4b0b-428f-9387-6d876050dc67"});
    findings.causes.push_back(std::move(cause));
  }
  if (const LogEvent* event = attempt.find(Event::EfiVariableUnreadable)) {
    findings.causes.push_back(cause_of(
        Code::EfiVariable, *event,
        fmt::format("the EFI variable HibernateLocation could not be read: {}", detail_of(*event, 0))));
  }
  if (const LogEvent* event = attempt.find(Event::ResumeUnitSkipped)) {
    findings.causes.push_back(
        cause_of(Code::NotTried, *event,
                 fmt::format("the initramfs did not ask the kernel to resume: {}", detail_of(*event, 0))));
  }
  if (const LogEvent* event = attempt.find(Event::ResumeUnitFailed)) {
    findings.causes.push_back(
        cause_of(Code::NotTried, *event,
                 fmt::format("the initramfs could not ask the kernel to resume: {}", detail_of(*event, 1))));
  }
}

bool is_mapped(const std::string& device) {
  return device.find("mapper") != std::string::npos || device.find("dm-") != std::string::npos;
}

void judge_waiting(const BootLog& boot, Findings& findings) {
  const LogEvent* event = find_event(boot, 0, boot.events.size(), Event::DeviceTimedOut);
  if (event == nullptr) return;
  const std::string device = detail_of(*event, 0);
  Cause cause = is_mapped(device)
                    ? cause_of(Code::SwapLocked, *event, device + " was not opened in time")
                    : cause_of(Code::WrongPlace, *event,
                               fmt::format("the boot waited for {}, which did not appear", device));
  cause.confidence = Confidence::Likely;  // it may have waited for another reason
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
  if (facts.story.saving) {
    cause.advice.push_back(
        {"give resume= on the kernel's command line; or let the initramfs have systemd's resume unit, "
         "and the ID= of the system in its os-release",
         "", ""});
  }
  findings.causes.push_back(std::move(cause));
}

// Of any boot after the saving one: it passed the image by.
void judge_passing_by(const Case& facts, const BootLog& boot, Findings& findings) {
  judge_waiting(boot, findings);
  judge_variable(facts, boot, findings);
  const LogEvent* rewritten = find_event(boot, 0, boot.events.size(), Event::SwapSignatureRewritten);
  if (rewritten == nullptr) return;
  Cause cause = cause_of(Code::NotTried, *rewritten,
                         "the boot did not resume, and then swapon took the image's signature away");
  if (!boot.command_line.empty()) cause.evidence.push_back(command_line_of(boot));
  findings.causes.push_back(std::move(cause));
}

bool says(const std::string& command_line, const std::string& word) {
  return (" " + command_line + " ").find(" " + word + " ") != std::string::npos;
}

void judge_no_try(const Case& facts, Findings& findings) {
  if (facts.story.later_boots.empty()) return;
  const BootLog& boot = *facts.story.later_boots.front();
  if (judge_kernel_that_refuses(boot, findings) || facts.story.resuming) return;
  if (boot.kernel.empty() && boot.command_line.empty()) return;  // not a log of a whole boot
  const bool has_image = facts.disk != nullptr && facts.disk->is_kernels();
  if (!has_image && !facts.story.saving) return;
  const std::string saved_by = facts.story.saving ? facts.story.saving->boot->kernel : "";
  if (!saved_by.empty() && !boot.kernel.empty() && saved_by != boot.kernel) {
    Cause other{Code::OtherBoot, Confidence::Likely, "", {}, {}};
    other.text =
        fmt::format("Linux {} was booted, and not Linux {}, which hibernated; it did not try to resume",
                    boot.kernel, saved_by);
    if (!boot.command_line.empty()) other.evidence.push_back(command_line_of(boot));
    other.advice.push_back(
        {"boot the entry of that kernel; check every file system before, as this boot may have "
         "written to them",
         "", ""});
    findings.causes.push_back(std::move(other));
    return;
  }
  const bool is_forbidden = says(boot.command_line, "noresume");
  // A log that was cut early may have lost it.
  const Confidence silent = mounted_in(boot) != nullptr ? Confidence::Likely : Confidence::Possible;
  Cause cause{Code::NotTried, is_forbidden ? confidence_of_command_line(boot) : silent, "", {}, {}};
  cause.text = is_forbidden ? "noresume on the command line kept the kernel from resuming"
                            : "nothing asked the kernel to resume: its log has not a word of it";
  if (!boot.command_line.empty()) cause.evidence.push_back(command_line_of(boot));
  findings.causes.push_back(std::move(cause));
}

// The kernel checks one thing after the other: who has read the image has passed what comes before.
void exonerate_what_was_passed(const Attempt& attempt, Findings& findings) {
  if (!attempt.has(Event::ImageLoaded)) return;
  findings.exonerated.push_back({Code::WrongPlace, "the kernel found the image"});
  findings.exonerated.push_back({Code::CodecMissing, "the kernel could decompress the image"});
  findings.exonerated.push_back({Code::MemoryMap, "the kernel took the memory map for the same"});
  findings.exonerated.push_back({Code::MemorySize, "the kernel took the size of memory for the same"});
  findings.exonerated.push_back(
      {Code::Damaged, "the kernel read the image completely, its checksum included"});
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

// The machine came back and believes that its file systems are as it left them.
void judge_boots_in_between(const Case& facts, Findings& findings) {
  for (const BootLog* boot : facts.story.later_boots) {
    if (boot == facts.story.resuming->boot) return;
    const LogEvent* mounted = find_event(*boot, 0, boot->events.size(), Event::FilesMounted);
    if (mounted == nullptr) continue;
    Cause cause =
        cause_of(Code::FileSystemWritten, *mounted,
                 fmt::format("the machine went on from its image, although a boot in between had mounted {}: "
                             "its file systems may be ruined",
                             detail_of(*mounted, 0)));
    cause.advice.push_back(
        {"save what matters, power off without writing more, and check every file system from "
         "another system",
         "", ""});
    findings.causes.push_back(std::move(cause));
    return;
  }
}

bool judge_success(const Case& facts, Findings& findings) {
  if (!facts.story.resuming) return false;
  const Attempt attempt(*facts.story.resuming);
  const LogEvent* left = attempt.find(Event::HibernationExited);
  if (left == nullptr || !attempt.has(Event::ImageLoaded) || attempt.has(Event::ResumeFailed)) return false;
  judge_boots_in_between(facts, findings);
  judge_waking(attempt.boot(), facts.story.resuming->first, facts.story.resuming->end, findings);
  findings.causes.push_back(cause_of(Code::Resumed, *left, "the machine went on from its image"));
  return true;
}

}  // namespace

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

void judge_waking(const BootLog& boot, std::size_t first, std::size_t end, Findings& findings) {
  for (std::size_t i = first; i < end; ++i) {
    const LogEvent& event = boot.events[i];
    const bool is_asleep = event.message.event == Event::DriverRefused && detail_of(event, 3) == "restore";
    if (is_asleep) {
      findings.causes.push_back(cause_of(
          Code::BrokeAfter, event,
          fmt::format("the machine came back, and the driver {} did not wake its device {} (error {})",
                      detail_of(event, 1), detail_of(event, 0), detail_of(event, 2))));
    }
    if (event.message.event == Event::DeviceReplaced) {
      findings.causes.push_back(cause_of(
          Code::BrokeAfter, event,
          fmt::format("the machine came back, and {} is not the device that it was", detail_of(event, 0))));
    }
  }
}

bool judge_kernel_that_refuses(const BootLog& boot, Findings& findings) {
  const LogEvent* locked = find_event(boot, 0, boot.events.size(), Event::ForbiddenByLockdown);
  if (locked != nullptr) {
    Cause cause = cause_of(Code::Lockdown, *locked,
                           "the kernel was locked down, and then it neither saves nor resumes");
    if (const LogEvent* set = find_event(boot, 0, boot.events.size(), Event::LockdownSet))
      cause.evidence.push_back(evidence_of(set->line));
    cause.advice.push_back(
        {"switch Secure Boot off in the firmware, or take lockdown= off the command line", "", ""});
    findings.causes.push_back(std::move(cause));
    return true;
  }
  if (!says(boot.command_line, "nohibernate") && !says(boot.command_line, "hibernate=no")) return false;
  Cause cause{Code::Inhibited,
              confidence_of_command_line(boot),
              "nohibernate on the command line: the kernel neither saves nor resumes",
              {command_line_of(boot)},
              {}};
  cause.advice.push_back({"take it off the kernel's command line", "", ""});
  findings.causes.push_back(std::move(cause));
  return true;
}

void judge_resume(const Case& facts, Findings& findings) {
  if (judge_success(facts, findings)) return;
  if (facts.story.resuming) {
    const Attempt attempt(*facts.story.resuming);
    exonerate_what_was_passed(attempt, findings);
    judge_hardware_signature(facts, attempt, findings);
    judge_codec(facts, attempt, findings);
    judge_memory_map(facts, attempt, findings);
    judge_mismatch(facts, attempt, findings);
    judge_reading(facts, attempt, findings);
    judge_driver(facts, attempt, findings);
    judge_memory_for_it(attempt, findings);
    judge_wordless_failure(facts, attempt, findings);
    judge_silence(facts, attempt, findings);
    judge_place(facts, attempt, findings);
    judge_user_space(facts, attempt, findings);
  }
  if (facts.story.saving && facts.story.saving->has_come_back)
    return;  // what comes later is not about this image
  for (const BootLog* boot : facts.story.later_boots) judge_passing_by(facts, *boot, findings);
  const std::size_t before = findings.causes.size();
  judge_lost_boot(facts, findings);
  if (findings.causes.size() == before) judge_no_try(facts, findings);
}

}  // namespace hib::diagnose
