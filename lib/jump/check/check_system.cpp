// What runs on the machine and is not asked when it jumps.
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/boot/config_text.h"
#include "lib/jump/check/checks.h"

namespace hib::jump::checks {
namespace {

void check_sleep_hooks(Sheet& sheet) {
  for (const std::string folder : {"/usr/lib/systemd/system-sleep", "/etc/systemd/system-sleep"}) {
    const auto hooks = sheet.facts.reader.names(folder);
    if (!hooks.empty())
      sheet.warn(
          "sleep-hooks",
          fmt::format("systemctl hibernate runs these, and hibtool hibernate does not: {}", listed(hooks)),
          folder);
  }
}

void check_virtual_machines(Sheet& sheet) {
  const std::size_t machines = sheet.facts.kernel.virtual_machines;
  if (machines != 0)
    sheet.warn("kvm-host",
               fmt::format("{} here: their clocks stop meanwhile", counted(machines, "virtual machine")),
               "/proc", "shut them down, or tell them the time afterwards");
}

// As /proc/PID/task/TID/stat has it: the 41st field is the scheduling policy, and the name before the third
// one may hold anything.
bool has_deadline(std::string_view stat) {
  constexpr std::string_view kDeadline = "6";  // SCHED_DEADLINE
  constexpr std::size_t kPolicy = 41 - 3;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return false;
  const auto fields = diagnose::boot::words_of(stat.substr(name_end + 1));
  const bool is_governor = stat.substr(0, name_end).find("(sugov:") != std::string_view::npos;
  return fields.size() > kPolicy && fields[kPolicy] == kDeadline && !is_governor;
}

// The kernel does not switch a processor off where those that stay cannot keep the deadlines.
void check_deadlines(Sheet& sheet) {
  constexpr std::size_t kMostTasks = 100'000;
  const device::Tree& tree = sheet.facts.tree;
  std::size_t looked_at = 0;
  std::size_t found = 0;
  for (const std::string& process : tree.list("/proc")) {
    if (process.find_first_not_of("0123456789") != std::string::npos || looked_at > kMostTasks) continue;
    const std::string folder = "/proc/" + process + "/task";
    for (const std::string& task : tree.list(folder)) {
      if (++looked_at > kMostTasks) break;
      if (has_deadline(tree.read(folder + "/" + task + "/stat").text)) ++found;
    }
  }
  if (looked_at > kMostTasks)
    sheet.unknown("deadlines", fmt::format("more than {} tasks: not all were looked at", kMostTasks),
                  "/proc");
  if (found != 0)
    sheet.warn("deadlines",
               fmt::format("{} with a deadline (SCHED_DEADLINE): processors may refuse to be switched off",
                           counted(found, "task")),
               "/proc", "end them before hibernating");
}

}  // namespace

void check_system(Sheet& sheet) {
  check_sleep_hooks(sheet);
  check_virtual_machines(sheet);
  check_deadlines(sheet);
}

}  // namespace hib::jump::checks
