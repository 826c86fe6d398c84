// Two boots of one machine, each with its command line: the one that hibernated knew where to, and the other
// one was told something else.
#include <fmt/format.h>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

std::string place_in(const boot::CommandLine& line) {
  if (!line.resume) return "no resume=";
  return "resume=" + *line.resume + (line.resume_offset ? " resume_offset=" + *line.resume_offset : "");
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
  if (!then.resume || (then.resume == now.resume && then.resume_offset == now.resume_offset)) return;
  const bool is_journal =
      !saving.id.empty() && !later.id.empty();  // then the kernels have said it themselves
  Cause cause{now.resume ? Code::WrongPlace : Code::NotTried,
              is_journal ? Confidence::Certain : Confidence::Likely,
              "",
              {},
              {}};
  cause.text = fmt::format("the boot that hibernated had {} on its command line, and the next one had {}",
                           place_in(then), place_in(now));
  cause.evidence = {command_line_of(saving), command_line_of(later)};
  cause.advice.push_back(
      {"boot once with " + place_in(then) + ", and put the signature back before", "", ""});
  findings.causes.push_back(std::move(cause));
}

}  // namespace hib::diagnose
