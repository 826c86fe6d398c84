// What a kernel says of itself: that it may not hibernate, or that its devices did not wake.
#include <fmt/format.h>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {

void advise_unloading(const std::string& driver, Cause& cause) {
  cause.advice.push_back(
      {fmt::format("let a script there unload {} before the machine hibernates, and load it afterwards",
                   driver),
       "", "/usr/lib/systemd/system-sleep/"});
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
      advise_unloading(detail_of(event, 1), findings.causes.back());
    }
    if (event.message.event == Event::DeviceReplaced) {
      findings.causes.push_back(cause_of(
          Code::BrokeAfter, event,
          fmt::format("the machine came back, and {} is not the device that it was", detail_of(event, 0))));
    }
  }
}

bool judge_kernel_that_refuses(const Case& facts, const BootLog& boot, Findings& findings) {
  const boot::CommandLine line = boot::parse_command_line(boot.command_line);
  const LogEvent* locked = find_event(boot, 0, boot.events.size(), Event::ForbiddenByLockdown);
  if (locked != nullptr) {
    Cause cause = cause_of(Code::Lockdown, *locked,
                           "the kernel was locked down, and then it neither saves nor resumes");
    if (const LogEvent* set = find_event(boot, 0, boot.events.size(), Event::LockdownSet))
      cause.evidence.push_back(evidence_of(set->line));
    cause.advice.push_back(line.lockdown ? remedies_of(facts).take_off("lockdown=" + *line.lockdown)
                                         : Advice{"switch Secure Boot off in the firmware's setup", "", ""});
    findings.causes.push_back(std::move(cause));
    return true;
  }
  if (!line.no_hibernate) return false;
  Cause cause{Code::Inhibited,
              confidence_of_command_line(boot),
              line.off_by + " on the command line: the kernel neither saves nor resumes",
              {command_line_of(boot)},
              {}};
  cause.advice.push_back(remedies_of(facts).take_off(line.off_by));
  findings.causes.push_back(std::move(cause));
  return true;
}

}  // namespace hib::diagnose
