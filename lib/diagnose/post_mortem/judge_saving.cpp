// What the boot said that hibernated, or tried to.
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

struct SavingFailure {
  Event event;
  Code code;
  std::string_view text;
  std::string_view advice;
};
constexpr SavingFailure kSavingFailures[] = {
    {Event::WriteFailed, Code::SaveInterrupted, "the disk did not take the image: writing to it failed",
     "test the disk, before hibernating again"},
    {Event::SyncFailed, Code::SaveInterrupted,
     "the file systems could not be written out, and the kernel did not hibernate",
     "see in the log which file system, or which disk, had errors"},
    {Event::NoSwapDevice, Code::NoSpace, "no swap area was active that could take the image",
     "add one that is as large as the memory in use"},
    {Event::NoSpaceForImage, Code::NoSpace, "the swap area was too small, or too full, for the image",
     "make it larger, or free swap before hibernating"},
    {Event::NoMemoryForCopy, Code::NoSnapshotMemory, "the kernel found no memory for its copy of the memory",
     "close programs, or switch zram off, before hibernating"},
    {Event::NoMemoryToWork, Code::NoSnapshotMemory, "the kernel found no memory to write the image with",
     "close programs, or switch zram off, before hibernating"},
    {Event::WokenUp, Code::SaveInterrupted, "something woke the machine up while it hibernated",
     "see in /sys/power/pm_wakeup_irq, or in the log, what it was"},
    {Event::EfiVariableNotWritten, Code::EfiVariable,
     "the firmware did not take the EFI variable HibernateLocation, and systemd gave up",
     "with resume= on the kernel's command line the variable is not needed"},
    {Event::SaveTested, Code::Never,
     "the kernel only tested hibernation, as pm_test told it, and wrote no image",
     "see /sys/power/pm_test: it says [none] where the kernel hibernates in earnest"},
};

// What user space was told when it asked, in words: the codes that they mean.
struct Refusal {
  std::string_view words;
  Code code;
  std::string_view text;
};
constexpr Refusal kRefusals[] = {
    {"not enough", Code::NoSpace, "systemd found no swap area that is large enough"},
    {"No space left", Code::NoSpace, "there was no swap area that is large enough"},
    {"Cannot allocate memory", Code::NoSnapshotMemory,
     "the kernel found no memory for its copy of the memory"},
    {"disabled by configuration", Code::Policy, "sleep.conf forbids it"},
    {"not configured", Code::Inhibited,
     "the kernel does not offer hibernation now, or sleep.conf forbids it"},
    {"Permission denied", Code::Lockdown, "the kernel did not let user space hibernate"},
    {"Operation not permitted", Code::Lockdown, "the kernel did not let user space hibernate"},
    {"resume", Code::Policy, "systemd does not hibernate where it does not know how to resume"},
};

void judge_refusal(const LogEvent& event, Findings& findings) {
  const std::string reason = detail_of(event, 0);
  const auto* known = std::find_if(std::begin(kRefusals), std::end(kRefusals), [&](const Refusal& refusal) {
    return reason.find(refusal.words) != std::string::npos;
  });
  const bool is_known = known != std::end(kRefusals);
  const Code unknown = event.message.event == Event::SleepFailed ? Code::SaveInterrupted : Code::Policy;
  findings.causes.push_back(
      cause_of(is_known ? known->code : unknown, event,
               is_known ? std::string(known->text) : "hibernating was refused: " + reason));
  findings.causes.back().advice.push_back(advise_preflight("see what is in the way now"));
}

// The first device that did not stop; one that did not wake up has kept nobody from saving.
const LogEvent* refusal_to_save(const Saving& saving) {
  const auto& events = saving.boot->events;
  for (std::size_t i = saving.first; i < saving.end; ++i) {
    if (events[i].message.event == Event::DriverRefused && detail_of(events[i], 3) != "restore")
      return &events[i];
  }
  return nullptr;
}

void judge_device_failures(const Saving& saving, Findings& findings) {
  const LogEvent* stopped = find_event(*saving.boot, saving.first, saving.end, Event::DevicesDidNotStop);
  const LogEvent* event = refusal_to_save(saving);
  if (event == nullptr && stopped != nullptr) {
    findings.causes.push_back(cause_of(Code::DriverRefused, *stopped,
                                       "while the machine hibernated, a driver did not stop its device"));
    findings.causes.back().advice.push_back({"see in the log which driver refused", "", ""});
  }
  if (event == nullptr) return;
  findings.causes.push_back(cause_of(
      Code::DriverRefused, *event,
      fmt::format("while the machine hibernated, the driver {} did not stop its device {} (error {})",
                  detail_of(*event, 1), detail_of(*event, 0), detail_of(*event, 2))));
  advise_unloading(detail_of(*event, 1), findings.causes.back());
}

// Which operation systemd had begun when it said that one has failed.
bool failed_to_hibernate(const BootLog& boot, std::size_t place) {
  for (std::size_t i = place; i-- > 0;) {
    if (boot.events[i].message.event == Event::SleepStarted)
      return is_hibernation(detail_of(boot.events[i], 0));
  }
  return false;
}

// What the boot that came last was told when it asked to hibernate, from event number `first` on.
void judge_refusals(const BootLog& boot, std::size_t first, Findings& findings) {
  for (std::size_t i = first; i < boot.events.size(); ++i) {
    const LogEvent& event = boot.events[i];
    const bool has_failed = event.message.event == Event::SleepFailed && failed_to_hibernate(boot, i);
    if (event.message.event == Event::SleepRefused || has_failed) judge_refusal(event, findings);
    if (event.message.event == Event::HibernationForbidden) {
      findings.causes.push_back(
          cause_of(Code::Inhibited, event,
                   "the kernel does not hibernate now: it is locked down, or nohibernate, secret "
                   "memory or CXL memory keeps it from that"));
      findings.causes.back().advice.push_back(advise_preflight("see what is in the way now"));
    }
  }
}

constexpr std::size_t kMaxTasksNamed = 5;
constexpr std::uint64_t kMaxSwapKib = std::uint64_t{1} << 50;  // what a hostile log may say of one area
constexpr std::string_view kNoSpaceLeft = "-28";
constexpr std::string_view kNoMemoryLeft = "-12";
constexpr std::uint64_t kKibOfPage = 4;

std::uint64_t number_of(const LogEvent& event, std::size_t detail) {
  std::uint64_t number = 0;
  const std::string text = detail_of(event, detail);
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;  // 0 where it is none
}

// What all active areas have, KiB.
std::uint64_t swap_kib(const BootLog& boot) {
  std::uint64_t sum = 0;
  for (const LogEvent& event : boot.events) {
    if (event.message.event == Event::SwapAdded)
      sum += std::min<std::uint64_t>(number_of(event, 1), kMaxSwapKib);
  }
  return sum;
}

// Up to Linux 6.1 the kernel does not say why it stopped writing.
void judge_unfinished(const Saving& saving, const LogEvent& begun, Findings& findings) {
  const LogEvent* failed = find_event(*saving.boot, saving.first, saving.end, Event::SavingFailed);
  if (failed != nullptr && detail_of(*failed, 0) != kNoSpaceLeft) {
    findings.causes.push_back(
        cause_of(Code::SaveInterrupted, *failed,
                 fmt::format("the kernel could not write the image ({})", detail_of(*failed, 0))));
    findings.causes.back().advice.push_back({"test the disk, before hibernating again", "", ""});
    return;
  }
  const std::uint64_t image_kib = number_of(begun, 0) * kKibOfPage;
  const std::uint64_t area_kib = swap_kib(*saving.boot);
  Cause cause = cause_of(Code::NoSpace, failed != nullptr ? *failed : begun,
                         "the kernel began to write the image and gave up: the swap area was full");
  if (failed == nullptr)
    cause.confidence = area_kib > 0 && area_kib < image_kib ? Confidence::Likely : Confidence::Possible;
  if (area_kib > 0) {
    cause.text += fmt::format(" (swap areas of {}, {} to write before compression)",
                              human_bytes(area_kib * 1024), human_bytes(image_kib * 1024));
  }
  cause.advice.push_back({"make the swap area larger, or free swap before hibernating", "", ""});
  findings.causes.push_back(std::move(cause));
}

// An image in zram is in memory, and memory is what loses its power.
void judge_area(const BootLog& boot, Findings& findings) {
  const LogEvent* zram = only_zram(boot);
  if (zram == nullptr) return;
  Cause cause = cause_of(Code::EphemeralSwap, *zram,
                         "the only swap area was zram, which is memory: the image was gone with the power");
  cause.advice.push_back({"add a swap area on a disk, and let resume= name it", "", ""});
  findings.causes.push_back(std::move(cause));
}

bool is_whole_on_disk(const Case& facts) {
  return facts.disk != nullptr && facts.disk->is_kernels() && facts.disk->damage.empty();
}

// systemd was told by the kernel that it has failed; what it says of the next try does not count.
bool is_said_to_have_failed(const Saving& saving) {
  const auto& events = saving.boot->events;
  for (std::size_t i = saving.end; i < events.size(); ++i) {
    const Event event = events[i].message.event;
    if (event == Event::SleepFailed) return true;
    if (event == Event::SleepEnded || event == Event::SleepStarted || event == Event::HibernationEntered)
      return false;
  }
  return false;
}

// The kernel left before it began to write. A machine that resumed did so too: its log goes on where the
// snapshot was made.
bool judge_going_back(const Saving& saving, const LogEvent& left, Findings& findings) {
  const auto find = [&](Event event) { return find_event(*saving.boot, saving.first, saving.end, event); };
  Cause cause = cause_of(Code::SaveInterrupted, left, "");
  if (const LogEvent* failed = find(Event::SnapshotFailed)) {
    const bool is_memory = detail_of(*failed, 0) == kNoMemoryLeft;
    cause = cause_of(
        is_memory ? Code::NoSnapshotMemory : Code::SaveInterrupted, *failed,
        fmt::format("the kernel could not make its copy of the memory (error {}), and wrote no image",
                    detail_of(*failed, 0)));
  } else if (const LogEvent* unwritten = find(Event::SavingFailed)) {
    cause =
        cause_of(detail_of(*unwritten, 0) == kNoSpaceLeft ? Code::NoSpace : Code::SaveInterrupted, *unwritten,
                 fmt::format("the kernel could not write the image ({})", detail_of(*unwritten, 0)));
  } else if (find(Event::SnapshotStarted) == nullptr) {
    cause.confidence = Confidence::Possible;
    cause.text = "the kernel went back before it had copied the memory, and does not say why";
  } else {
    return false;
  }
  cause.advice.push_back(advise_preflight("see what is in the way now"));
  findings.causes.push_back(std::move(cause));
  return true;
}

void judge_outcome(const Case& facts, const Saving& saving, Findings& findings) {
  const auto find = [&](Event event) { return find_event(*saving.boot, saving.first, saving.end, event); };
  const LogEvent* begun = find(Event::SavingStarted);
  const LogEvent* done = find(Event::SavingDone);
  const LogEvent* left = find(Event::HibernationExited);
  if (left != nullptr && begun == nullptr) {
    if (is_said_to_have_failed(saving) || judge_going_back(saving, *left, findings)) return;
    judge_waking(*saving.boot, saving.first, saving.boot->events.size(), findings);
    findings.causes.push_back(
        cause_of(Code::Resumed, *left, "the machine went on from its image, in the boot that hibernated"));
    return;
  }
  if (done != nullptr && !saving.has_come_back) return judge_area(*saving.boot, findings);
  if (begun != nullptr && done == nullptr && saving.has_come_back)
    return judge_unfinished(saving, *begun, findings);
  if (begun == nullptr || done != nullptr || saving.has_come_back) return;
  if (is_whole_on_disk(facts)) return;  // then the log was cut, and not the image
  Cause cause = cause_of(Code::SaveInterrupted, *begun, "the log ends while the image was being written");
  cause.confidence = Confidence::Likely;
  cause.advice.push_back({"nothing of that session can be had back: hibernate again", "", ""});
  findings.causes.push_back(std::move(cause));
}

// The kernel lists the tasks right behind: the lines of other tasks that hang come elsewhere.
void judge_tasks(const Saving& saving, Findings& findings) {
  const auto& events = saving.boot->events;
  const LogEvent* failed = find_event(*saving.boot, saving.first, saving.end, Event::TasksDidNotFreeze);
  if (failed == nullptr) return;
  Cause cause = cause_of(Code::TaskNotFrozen, *failed, "");
  std::string names;
  for (auto i = static_cast<std::size_t>(failed - events.data()) + 1; i < saving.end; ++i) {
    const LogEvent& shown = events[i];
    if (shown.message.event != Event::TaskShown || cause.evidence.size() > kMaxTasksNamed) break;
    names +=
        fmt::format("{}{} (PID {})", names.empty() ? "" : ", ", detail_of(shown, 0), detail_of(shown, 1));
    cause.evidence.push_back(evidence_of(shown.line));
  }
  if (names.empty()) {
    cause.text = "a task did not stand still, and the kernel gave up";
    cause.advice.push_back({"see in the log which task it was", "", ""});
  } else {
    cause.text = fmt::format("a task did not stand still, and the kernel gave up: {}", names);
    cause.advice.push_back({"end that task, or unmount the file system that it waits for", "", ""});
  }
  findings.causes.push_back(std::move(cause));
}

void judge_failures(const Case& facts, const Saving& saving, Findings& findings) {
  for (const SavingFailure& failure : kSavingFailures) {
    const LogEvent* event = find_event(*saving.boot, saving.first, saving.end, failure.event);
    if (event == nullptr) continue;
    findings.causes.push_back(cause_of(failure.code, *event, std::string(failure.text)));
    findings.causes.back().advice.push_back({std::string(failure.advice), "", ""});
    if (failure.event == Event::EfiVariableNotWritten)
      append(findings.causes.back().advice, advise_place(facts));
  }
  judge_tasks(saving, findings);
  judge_device_failures(saving, findings);
}

}  // namespace

void judge_saving(const Case& facts, Findings& findings) {
  const std::size_t before = findings.causes.size();
  const auto& saving = facts.story.saving;
  if (saving) judge_failures(facts, *saving, findings);
  if (saving && findings.causes.size() == before) judge_outcome(facts, *saving, findings);
  const BootLog* last = facts.story.last_boot;
  if (last == nullptr) return;
  if (!saving || saving->boot != last) judge_kernel_that_refuses(facts, *last, findings);
  // What systemd says of a try that the kernel has failed is no further reason.
  const bool has_failed = findings.causes.size() > before && findings.causes.back().code != Code::Resumed;
  const bool is_same_boot = saving && saving->boot == last;
  if (!has_failed || !is_same_boot) judge_refusals(*last, is_same_boot ? saving->end : 0, findings);
}

}  // namespace hib::diagnose
