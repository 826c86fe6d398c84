// The disk that was hibernated to: at the next boot it has another name, or it is not there.
#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::string_view kDev = "/dev/";

// "/dev/sda5" is a name that the kernel gives by order; "/dev/disk/by-uuid/…" and "/dev/mapper/…" are not.
bool is_given_by_order(std::string_view name) {
  return name.starts_with(kDev) && name.find('/', kDev.size()) == std::string_view::npos &&
         !name.starts_with("/dev/dm-") && !name.starts_with("/dev/zram");
}

// "sda" of "/dev/sda5". Only names that DiskFound knows: of others no size is in the logs.
std::string disk_of(std::string_view name) {
  if (!is_given_by_order(name)) return {};
  name.remove_prefix(kDev.size());
  while (!name.empty() && std::isdigit(static_cast<unsigned char>(name.back())) != 0) name.remove_suffix(1);
  return std::string(name);
}

const LogEvent* found_disk(const BootLog& boot, const std::string& name) {
  const auto found = std::find_if(boot.events.begin(), boot.events.end(), [&](const LogEvent& event) {
    return event.message.event == Event::DiskFound && detail_of(event, 0) == name;
  });
  return found == boot.events.end() ? nullptr : &*found;
}

const LogEvent* disk_of_size(const BootLog& boot, const std::string& size) {
  const auto found = std::find_if(boot.events.begin(), boot.events.end(), [&](const LogEvent& event) {
    return event.message.event == Event::DiskFound && detail_of(event, 1) == size;
  });
  return found == boot.events.end() ? nullptr : &*found;
}

// The only swap area of the boot that hibernated; null where there were several, or it has no such name.
const LogEvent* area_of(const Saving& saving) {
  const LogEvent* area = nullptr;
  for (std::size_t i = 0; i < saving.first; ++i) {
    const LogEvent& event = saving.boot->events[i];
    if (event.message.event != Event::SwapAdded) continue;
    if (area != nullptr && detail_of(*area, 0) != detail_of(event, 0)) return nullptr;
    area = &event;
  }
  return area != nullptr && is_given_by_order(detail_of(*area, 0)) ? area : nullptr;
}

void add(const LogEvent& event, Cause& cause) {
  cause.evidence.push_back(evidence_of(event.line));
  cause.confidence = std::max(cause.confidence, confidence_of(event));
}

// "UUID=…", "/dev/disk/by-id/…": wherever the disk is, it is found. Not so "/dev/sda5" and "8:5".
bool is_named_for_good(const boot::CommandLine& line) {
  return line.resume &&
         (line.resume->find('=') != std::string::npos || line.resume->starts_with("/dev/disk/"));
}

void advise_lasting_name(const Case& facts, Cause& cause) {
  cause.advice.push_back(advise_rearm(facts, "let resume= name the device by its UUID"));
}

// swapon of the next boot found the area, by its UUID, under another name.
bool judge_other_name(const Case& facts, const LogEvent& area, const BootLog& later, Findings& findings) {
  const LogEvent* taken = find_event(later, 0, later.events.size(), Event::SwapSignatureRewritten);
  if (taken == nullptr) return false;
  const std::string then = detail_of(area, 0);
  const std::string now = detail_of(*taken, 0);
  if (!is_given_by_order(now) || then == now) return false;
  Cause cause = cause_of(Code::DeviceMoved, *taken,
                         fmt::format("the swap area was {} when the machine hibernated, and {} at the next "
                                     "boot: what looked for it by that name did not find it",
                                     then, now));
  add(area, cause);
  if (!later.command_line.empty()) cause.evidence.push_back(command_line_of(later));
  advise_lasting_name(facts, cause);
  findings.causes.push_back(std::move(cause));
  return true;
}

// By the disks that both kernels have found.
bool judge_disks(const Case& facts, const LogEvent& area, const BootLog& later, bool is_lasting,
                 Findings& findings) {
  const std::string name = disk_of(detail_of(area, 0));
  const LogEvent* then = found_disk(*facts.story.saving->boot, name);
  const LogEvent* any = find_event(later, 0, later.events.size(), Event::DiskFound);
  if (then == nullptr || any == nullptr) return false;
  const LogEvent* now = found_disk(later, name);
  const LogEvent* same = disk_of_size(later, detail_of(*then, 1));
  if (now != nullptr && detail_of(*now, 1) == detail_of(*then, 1)) return false;
  if (same != nullptr && is_lasting) return false;
  const LogEvent* first = now != nullptr ? now : same != nullptr ? same : then;
  Cause cause = cause_of(Code::DeviceMoved, *first, "");
  if (first != then) add(*then, cause);
  if (same != nullptr) {
    if (first != same) add(*same, cause);
    cause.text =
        fmt::format("the disk {} that the machine hibernated to {} at the next boot; one of its size is {}",
                    name, now == nullptr ? "is not there" : "is another one", detail_of(*same, 0));
    advise_lasting_name(facts, cause);
  } else {
    cause.confidence = Confidence::Likely;  // it may have come when the log was over
    cause.text = fmt::format(
        "the disk {} that the machine hibernated to is not there at the next boot, nor any of its size",
        name);
    cause.advice.push_back(
        {boot_that_mounted(facts) == nullptr
             ? "put the disk back, then boot"
             : "put the disk back, and boot with noresume on the kernel's command line: file "
               "systems were mounted since, and resuming could ruin them",
         "", ""});
  }
  findings.causes.push_back(std::move(cause));
  return true;
}

// A kernel tells of each disk that it finds, of most kinds: "vdz" is none where it has told of others.
void judge_name_of_nothing(const Case& facts, const boot::CommandLine& line, const BootLog& later,
                           Findings& findings) {
  const std::string name = line.resume ? disk_of(*line.resume) : "";
  if (name.size() < 3 || found_disk(later, name) != nullptr) return;
  const auto alike = std::find_if(later.events.begin(), later.events.end(), [&](const LogEvent& event) {
    return event.message.event == Event::DiskFound && detail_of(event, 0).starts_with(name.substr(0, 2));
  });
  if (alike == later.events.end()) return;
  Cause cause{Code::WrongPlace, Confidence::Likely, "", {command_line_of(later)}, {}};
  cause.text = fmt::format("resume={} names a disk that the kernel did not find", *line.resume);
  cause.evidence.push_back(evidence_of(alike->line));
  cause.advice = advise_place(facts);
  findings.causes.push_back(std::move(cause));
}

}  // namespace

void judge_moved(const Case& facts, Findings& findings) {
  const Story& story = facts.story;
  if (!story.saving || story.saving->has_come_back || story.later_boots.empty()) return;
  const BootLog& later = *story.later_boots.front();
  const boot::CommandLine line = boot::parse_command_line(later.command_line);
  if (has_begun_to_resume(later) || line.no_resume || line.no_hibernate) return;
  const bool is_lasting = is_named_for_good(line);
  if (const LogEvent* area = area_of(*story.saving)) {
    if (!is_lasting && judge_other_name(facts, *area, later, findings)) return;
    if (judge_disks(facts, *area, later, is_lasting, findings)) return;
  }
  judge_name_of_nothing(facts, line, later, findings);
}

}  // namespace hib::diagnose
