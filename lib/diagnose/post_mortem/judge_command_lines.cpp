// Two boots of one machine, each with its command line: the one that hibernated knew where to, and the other
// one was told something else.
#include <fmt/format.h>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

std::string place_in(const boot::CommandLine& line) { return line.resume ? line.place() : "no resume="; }

// "/dev/disk/by-uuid/X" is "UUID=X".
std::string canonical(const std::string& spec) {
  constexpr std::pair<std::string_view, std::string_view> kFolders[] = {
      {"/dev/disk/by-uuid/", "UUID="},
      {"/dev/disk/by-partuuid/", "PARTUUID="},
      {"/dev/disk/by-label/", "LABEL="},
      {"/dev/disk/by-partlabel/", "PARTLABEL="}};
  for (const auto& [folder, tag] : kFolders) {
    if (spec.starts_with(folder)) return std::string(tag) + spec.substr(folder.size());
  }
  return spec;
}

// Two kinds of names may mean one device: only the same kind can be told apart.
bool is_same_place(const boot::CommandLine& then, const boot::CommandLine& now) {
  if (then.resume_offset != now.resume_offset) return false;
  if (!now.resume) return false;
  const std::string a = canonical(*then.resume);
  const std::string b = canonical(*now.resume);
  const bool is_same_kind = a.substr(0, a.find('=')) == b.substr(0, b.find('='));
  return a == b || (a.find('=') != std::string::npos && b.find('=') != std::string::npos && !is_same_kind);
}

}  // namespace

void judge_command_lines(const Case& facts, Findings& findings) {
  const Story& story = facts.story;
  if (!story.saving || story.saving->has_come_back || story.later_boots.empty()) return;
  const BootLog& saving = *story.saving->boot;
  const BootLog& later = *story.later_boots.front();
  if (saving.command_line.empty() || later.command_line.empty() || has_begun_to_resume(later)) return;
  const boot::CommandLine then = boot::parse_command_line(saving.command_line);
  const boot::CommandLine now = boot::parse_command_line(later.command_line);
  if (!then.resume || is_same_place(then, now)) return;
  // In a journal the kernels have said it themselves; that it hibernated may be a program's word.
  const bool is_entered = confidence_of(saving.events[facts.story.saving->first]) == Confidence::Certain;
  const bool is_journal = is_entered && !saving.id.empty() && !later.id.empty();
  Cause cause{now.resume ? Code::WrongPlace : Code::NotTried,
              is_journal ? Confidence::Certain : Confidence::Likely,
              "",
              {},
              {}};
  cause.text = fmt::format("the boot that hibernated had {} on its command line, and the next one had {}",
                           place_in(then), place_in(now));
  cause.evidence = {command_line_of(saving), command_line_of(later)};
  cause.advice = advise_place(facts);
  cause.advice.push_back(advise_rearm(facts, "boot once with " + place_in(then)));
  findings.causes.push_back(std::move(cause));
}

}  // namespace hib::diagnose
