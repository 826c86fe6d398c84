#include "lib/diagnose/post_mortem/story.h"

#include <algorithm>
#include <span>

namespace hib::diagnose {
namespace {

// systemd's operations that write an image: "hibernate", "hybrid-sleep", "suspend-then-hibernate".
bool is_hibernation(std::string_view operation) {
  return operation.find("hib") != std::string_view::npos ||
         operation.find("hybrid") != std::string_view::npos;
}

bool begins_saving(const LogEvent& event) {
  if (event.message.event == Event::HibernationEntered) return true;
  return event.message.event == Event::SleepStarted && !event.message.details.empty() &&
         is_hibernation(event.message.details.front());
}

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

std::optional<Saving> last_saving(const BootLog& boot) {
  const auto last = std::find_if(boot.events.rbegin(), boot.events.rend(), begins_saving);
  if (last == boot.events.rend()) return std::nullopt;
  const auto first = last.base() - 1;
  Saving saving{&boot, static_cast<std::size_t>(first - boot.events.begin()), boot.events.size(), false};
  saving.has_come_back = std::any_of(first, boot.events.end(),
                                     [](const LogEvent& event) { return is_one_of(event, kEndsOfSaving); });
  return saving;
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
  std::size_t after = 0;
  for (std::size_t i = 0; i < logs.boots.size(); ++i) {
    const auto saving = last_saving(logs.boots[i]);
    if (!saving) continue;
    story.saving = saving;
    after = i + 1;
  }
  for (std::size_t i = after; i < logs.boots.size(); ++i) {
    story.later_boots.push_back(&logs.boots[i]);
    const bool is_settled = story.resuming && has_begun_to_resume(*story.resuming->boot);
    if (is_settled) continue;
    auto resuming = resuming_in(logs.boots[i]);
    if (resuming && (!story.resuming || has_begun_to_resume(logs.boots[i]))) story.resuming = resuming;
  }
  if (!logs.boots.empty()) story.last_boot = &logs.boots.back();
  return story;
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
  return event.line.speaker == Speaker::Unproven ? Confidence::Likely : Confidence::Certain;
}

Cause cause_of(Code code, const LogEvent& event, std::string text) {
  return {code, confidence_of(event), std::move(text), {evidence_of(event.line)}, {}};
}

}  // namespace hib::diagnose
