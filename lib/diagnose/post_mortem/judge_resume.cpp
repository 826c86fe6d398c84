// What the kernel that was to resume said. Its own words come before every other reason.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/log/map_changes.h"
#include "lib/diagnose/post_mortem/attempt.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::string_view kNoMemory = "-12";
constexpr std::string_view kBadAddress = "-14";

Advice advise_tests() { return {"test the memory, and the disk, before hibernating again", "", ""}; }

void judge_hardware_signature(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* event = attempt.find(Event::SignatureMismatch);
  if (event == nullptr) return;
  Cause cause = cause_of(Code::HardwareSignature, *event,
                         fmt::format("the firmware reports another hardware signature: {} when the image was "
                                     "made, {} now",
                                     detail_of(*event, 0), detail_of(*event, 1)));
  cause.advice.push_back(
      advise_rearm(facts, "put back what was added to the machine, or taken out of it, since"));
  // The image says that it is to be checked, and no option of the kernel that resumes lifts that.
  Advice later = remedies_of(facts).take_off("acpi_sleep=s4_hwsig");
  later.text = "for later images, if the signature changes at every boot, " + later.text;
  cause.advice.push_back(std::move(later));
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
  if (facts.setup != nullptr) append(cause.advice, remedies_of(facts).add_module(detail_of(*event, 0)));
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
    findings.causes.back().advice.push_back(advise_tests());
    return;
  }
  Cause cause = cause_of(Code::MemoryMap, *event,
                         "the firmware gave another memory map than at the boot that made the image");
  add_region_changes(facts, cause);  // may find that it is another size
  cause.advice.push_back(advise_rearm(
      facts, cause.code == Code::MemorySize
                 ? "give the machine the memory that it had"
                 : "the map may be the old one at another boot, with the same devices plugged in"));
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
  if (known->code == Code::OtherKernel) {
    cause.advice = {advise_kernel(facts),
                    advise_rearm(facts, "choose the kernel of the image for the next boot")};
  }
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
    cause.advice.push_back(is_whole_now ? advise_rearm(facts, "test the memory, and the disk")
                                        : advise_tests());
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
  if (refusals.empty()) cause.advice.push_back({"see in the log which driver refused", "", ""});
  if (!refusals.empty()) append(cause.advice, advise_without(facts, detail_of(first, 1)));
  findings.causes.push_back(std::move(cause));
}

void judge_memory_for_it(const Case& facts, const Attempt& attempt, Findings& findings) {
  const LogEvent* failed = attempt.find(Event::ResumeFailed);
  if (failed == nullptr || attempt.has(Event::ImageLoaded) || detail_of(*failed, 0) != kNoMemory) return;
  findings.causes.push_back(
      cause_of(Code::NoMemoryToLoad, *failed,
               "the kernel that was to resume had no room for the image beside itself"));
  findings.causes.back().advice.push_back(
      advise_rearm(facts, "leave crashkernel=, hugepages= and the like off the line of the next boot"));
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
  Advice console = remedies_of(facts).put("no_console_suspend");
  console.text = "to see which device it hangs in, " + console.text + ", and hibernate again";
  cause.advice.push_back(std::move(console));
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
    findings.causes.back().advice.push_back(advise_kernel(facts));
    return;
  }
  findings.causes.push_back(
      cause_of(Code::Damaged, *failed, fmt::format("the kernel could not read the image (error {})", code)));
  findings.causes.back().advice.push_back(advise_tests());
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

bool is_mounted_by(const BootLog& boot, const LogEvent& mounted) {
  return std::any_of(boot.events.begin(), boot.events.end(), [&](const LogEvent& event) {
    return event.message.event == Event::FilesMounted && detail_of(event, 0) == detail_of(mounted, 0);
  });
}

// What the boot that resumed had written before its kernel went for the image: a journal that it replayed, or
// a file system of the saved machine that it mounted. The key of an encrypted disk may lie on yet another
// one, and a clean one that is mounted to be read is not written.
const LogEvent* written_before_resuming(const Case& facts) {
  const Resuming& resuming = *facts.story.resuming;
  for (const LogEvent& event : resuming.boot->events) {
    const Event kind = event.message.event;
    if (kind == Event::ImageFound || kind == Event::ResumeStarted) return nullptr;
    if (kind == Event::JournalReplayed) return &event;
    const bool is_writable = kind == Event::FilesMounted && event.line.text.find(" ro ") == std::string::npos;
    if (is_writable && facts.story.saving && is_mounted_by(*facts.story.saving->boot, event)) return &event;
  }
  return nullptr;
}

// The first that a boot since then has written; null where the logs tell of none.
const LogEvent* written_in_between(const Case& facts) {
  for (const BootLog* boot : facts.story.later_boots) {
    if (boot == facts.story.resuming->boot) return written_before_resuming(facts);
    if (const LogEvent* mounted = mounted_in(*boot)) return mounted;
  }
  return nullptr;
}

// The machine came back and believes that its file systems are as it left them.
void judge_boots_in_between(const Case& facts, Findings& findings) {
  const LogEvent* written = written_in_between(facts);
  if (written == nullptr) return;
  const bool is_replayed = written->message.event == Event::JournalReplayed;
  Cause cause =
      cause_of(Code::FileSystemWritten, *written,
               fmt::format("the machine went on from its image, although a boot had {} {} before: its file "
                           "systems may be ruined",
                           is_replayed ? "replayed the journal of" : "mounted", detail_of(*written, 0)));
  cause.advice.push_back(
      {"save what matters, power off without writing more, and check every file system from another system",
       "", ""});
  findings.causes.push_back(std::move(cause));
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

void judge_resume(const Case& facts, Findings& findings) {
  if (judge_success(facts, findings)) return;
  judge_every_entry(facts, findings);
  judge_moved(facts, findings);
  if (facts.story.resuming) {
    const Attempt attempt(*facts.story.resuming);
    exonerate_what_was_passed(attempt, findings);
    judge_hardware_signature(facts, attempt, findings);
    judge_codec(facts, attempt, findings);
    judge_memory_map(facts, attempt, findings);
    judge_mismatch(facts, attempt, findings);
    judge_reading(facts, attempt, findings);
    judge_driver(facts, attempt, findings);
    judge_memory_for_it(facts, attempt, findings);
    judge_wordless_failure(facts, attempt, findings);
    judge_silence(facts, attempt, findings);
    judge_place(facts, attempt, findings);
  }
  judge_later_boots(facts, findings);
}

}  // namespace hib::diagnose
