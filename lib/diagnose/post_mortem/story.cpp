#include "lib/diagnose/post_mortem/story.h"

#include <algorithm>
#include <span>

namespace hib::diagnose {
namespace {

bool is_kernels_entry(const LogEvent& event) { return event.message.event == Event::HibernationEntered; }

// systemd has begun to hibernate. That its kernel has, is another thing: suspend-then-hibernate suspends
// first.
bool is_systemds_start(const LogEvent& event) {
  return event.message.event == Event::SleepStarted && !event.message.details.empty() &&
         is_hibernation(event.message.details.front());
}

bool begins_saving(const LogEvent& event) { return is_kernels_entry(event) || is_systemds_start(event); }

constexpr Event kEndsOfSaving[] = {Event::HibernationExited, Event::SleepEnded, Event::SleepFailed};

constexpr Event kOfResuming[] = {
    Event::ResumeAsked,        Event::ImageFound,         Event::ImageNotFound,
    Event::SignatureMismatch,  Event::ResumeStarted,      Event::LoadingStarted,
    Event::MemoryMapMoved,     Event::ImageMismatch,      Event::PfnOutsideMemory,
    Event::CodecMissing,       Event::ReadFailed,         Event::DecodingFailed,
    Event::ChecksumWrong,      Event::ImageRead,          Event::ImageLoaded,
    Event::LoadingFailed,      Event::ResumeFailed,       Event::ResumeUnitStarted,
    Event::ResumeUnitReturned, Event::ResumeUnitSkipped,  Event::ResumeUnitFailed,
    Event::EfiVariableFound,   Event::EfiVariableOfOther, Event::EfiVariableUnreadable,
    Event::EfiVariableDiffers};

bool is_one_of(const LogEvent& event, std::span<const Event> events) {
  return std::find(events.begin(), events.end(), event.message.event) != events.end();
}

using Events = std::vector<LogEvent>;

// The last try that reached the kernel; or one that systemd began, and that nothing ended: a journal may end
// there.
Events::const_iterator beginning_of_last(const Events& events) {
  const auto is_end = [](const LogEvent& event) { return is_one_of(event, kEndsOfSaving); };
  const auto last = std::find_if(events.rbegin(), events.rend(), begins_saving);
  if (last == events.rend()) return events.end();
  const auto begun = last.base() - 1;
  if (is_kernels_entry(*begun) || std::none_of(begun, events.end(), is_end)) return begun;
  const auto entered = std::find_if(events.rbegin(), events.rend(), is_kernels_entry);
  return entered == events.rend() ? events.end() : entered.base() - 1;
}

std::optional<Saving> last_saving(const BootLog& boot) {
  const Events& events = boot.events;
  const auto first = beginning_of_last(events);
  if (first == events.end()) return std::nullopt;
  const auto ended = std::find_if(first, events.end(),
                                  [](const LogEvent& event) { return is_one_of(event, kEndsOfSaving); });
  Saving saving{&boot, static_cast<std::size_t>(first - events.begin()), events.size(),
                ended != events.end()};
  if (saving.has_come_back) saving.end = static_cast<std::size_t>(ended - events.begin()) + 1;
  return saving;
}

// In the order of time, where every boot has a clock; else in the order in which they were given.
std::vector<const BootLog*> in_order(const LogSet& logs) {
  std::vector<const BootLog*> boots;
  for (const BootLog& boot : logs.boots) boots.push_back(&boot);
  const bool has_clocks =
      std::all_of(boots.begin(), boots.end(), [](const BootLog* boot) { return boot->first_us.has_value(); });
  if (has_clocks) {
    std::stable_sort(boots.begin(), boots.end(),
                     [](const BootLog* a, const BootLog* b) { return *a->first_us < *b->first_us; });
  }
  return boots;
}

std::optional<Resuming> resuming_in(const BootLog& boot) {
  const auto first = std::find_if(boot.events.begin(), boot.events.end(),
                                  [](const LogEvent& event) { return is_one_of(event, kOfResuming); });
  if (first == boot.events.end()) return std::nullopt;
  // Who hibernates after that has done with it.
  const auto end = std::find_if(first, boot.events.end(), begins_saving);
  return Resuming{&boot, static_cast<std::size_t>(first - boot.events.begin()),
                  static_cast<std::size_t>(end - boot.events.begin())};
}

}  // namespace

Story story_of(const LogSet& logs) {
  Story story;
  const std::vector<const BootLog*> boots = in_order(logs);
  std::size_t after = 0;
  for (std::size_t i = 0; i < boots.size(); ++i) {
    const auto saving = last_saving(*boots[i]);
    if (!saving) continue;
    story.saving = saving;
    after = i + 1;
  }
  for (std::size_t i = after; i < boots.size(); ++i) {
    story.later_boots.push_back(boots[i]);
    const bool is_settled = story.resuming && has_begun_to_resume(*story.resuming->boot);
    if (is_settled) continue;
    auto resuming = resuming_in(*boots[i]);
    if (resuming && (!story.resuming || has_begun_to_resume(*boots[i]))) story.resuming = resuming;
  }
  // Logs in the wrong order, and without a clock: what a kernel refused is worth more than the order.
  for (std::size_t i = after; i-- > 0 && !story.resuming;) {
    const bool is_saving_boot = story.saving && story.saving->boot == boots[i];
    if (is_saving_boot || boots[i]->first_us || !has_begun_to_resume(*boots[i])) continue;
    story.resuming = resuming_in(*boots[i]);
  }
  if (!boots.empty()) story.last_boot = boots.back();
  return story;
}

bool is_hibernation(std::string_view operation) {
  return operation.find("hib") != std::string_view::npos ||
         operation.find("hybrid") != std::string_view::npos;
}

const LogEvent* find_event(const BootLog& boot, std::size_t first, std::size_t end, Event event) {
  for (std::size_t i = first; i < std::min(end, boot.events.size()); ++i) {
    if (boot.events[i].message.event == event) return &boot.events[i];
  }
  return nullptr;
}

bool has_begun_to_resume(const BootLog& boot) {
  constexpr Event kSigns[] = {Event::ImageFound, Event::ResumeStarted, Event::LoadingStarted,
                              Event::SignatureMismatch, Event::CodecMissing};
  return std::any_of(boot.events.begin(), boot.events.end(),
                     [&](const LogEvent& event) { return is_one_of(event, kSigns); });
}

bool has_refused_to_hibernate(const BootLog& boot) {
  constexpr Event kSigns[] = {Event::SleepRefused, Event::SleepFailed, Event::HibernationForbidden,
                              Event::ForbiddenByLockdown, Event::EfiVariableNotWritten};
  return std::any_of(boot.events.begin(), boot.events.end(),
                     [&](const LogEvent& event) { return is_one_of(event, kSigns); });
}

const LogEvent* only_zram(const BootLog& boot) {
  const LogEvent* zram = nullptr;
  for (const LogEvent& event : boot.events) {
    if (event.message.event != Event::SwapAdded) continue;
    if (!detail_of(event, 0).starts_with("/dev/zram")) return nullptr;
    zram = &event;
  }
  return zram;
}

std::string detail_of(const LogEvent& event, std::size_t number) {
  const auto& details = event.message.details;
  return number < details.size() && !details[number].empty() ? details[number] : std::string("?");
}

Evidence evidence_of(const LogLine& line) {
  return {line.source, line.offset, line.cursor, line.wall_us, line.text};
}

Evidence command_line_of(const BootLog& boot) {
  return {boot.source, std::nullopt, "", boot.first_us, "Command line: " + boot.command_line};
}

Confidence confidence_of(const LogEvent& event) {
  return event.line.speaker == Speaker::Kernel ? Confidence::Certain : Confidence::Likely;
}

Confidence confidence_of_command_line(const BootLog& boot) {
  return boot.id.empty() ? Confidence::Likely : Confidence::Certain;
}

const LogEvent* mounted_in(const BootLog& boot) {
  return find_event(boot, 0, boot.events.size(), Event::FilesMounted);
}

Cause cause_of(Code code, const LogEvent& event, std::string text) {
  return {code, confidence_of(event), std::move(text), {evidence_of(event.line)}, {}};
}

}  // namespace hib::diagnose
