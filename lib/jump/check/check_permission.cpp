// Does the kernel allow that its memory is written to a disk, and that another kernel is entered?
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/check/checks.h"

namespace hib::jump::checks {
namespace {

using diagnose::boot::KernelState;
using diagnose::boot::Process;

constexpr const char* kCommandLine = "/proc/cmdline";

std::string name_of(const Process& process) {
  return fmt::format("process {} ({})", process.pid, process.name);
}

void check_lockdown(Sheet& sheet) {
  constexpr std::string_view kCode = "lockdown";
  constexpr const char* kSource = "/sys/kernel/security/lockdown";
  const KernelState& kernel = sheet.facts.kernel;
  if (!kernel.lockdown) {
    // Without securityfs nothing is to be seen of it.
    if (sheet.facts.tree.list("/sys/kernel/security").empty() || sheet.facts.tree.exists(kSource)) {
      sheet.unknown(kCode, "whether the kernel is locked down is not known", kSource);
    } else {
      sheet.ok(kCode, "the kernel has no lockdown", kSource);
    }
    return;
  }
  if (!kernel.is_locked_down()) {
    const std::string why = kernel.secure_boot == false ? "; Secure Boot is off" : "";
    sheet.ok(kCode, "the kernel is not locked down" + why, kSource);
    return;
  }
  const bool is_by_firmware = kernel.secure_boot == true;
  sheet.refuse(kCode,
               fmt::format("the kernel is locked down ({}){}", *kernel.lockdown,
                           is_by_firmware ? ", as under Secure Boot" : ""),
               kSource,
               is_by_firmware ? "switch Secure Boot off in the firmware's setup"
                              : "boot without lockdown= on the command line");
}

// hibernation_available() of kernel/power/hibernate.c; the module asks it, too.
void check_hibernation(Sheet& sheet) {
  constexpr std::string_view kCode = "hibernation";
  constexpr const char* kSource = "/sys/power/state";
  const KernelState& kernel = sheet.facts.kernel;
  const auto can = kernel.can_hibernate();
  if (!can) {
    sheet.unknown(kCode, "whether the kernel allows hibernation is not known", kSource);
    return;
  }
  if (*can) {
    sheet.ok(kCode, "the kernel allows it", kSource);
    return;
  }
  const std::size_t before = sheet.checks.size();
  if (!kernel.disk) sheet.refuse(kCode, "the kernel was built without hibernation", "/sys/power/disk");
  const diagnose::boot::CommandLine& line = sheet.facts.settings;
  if (line.no_hibernate)
    sheet.refuse(kCode, fmt::format("{} on the command line forbids it", line.off_by), kCommandLine,
                 "boot without " + line.off_by);
  for (const Process& holder : kernel.secret_memory)
    sheet.refuse(kCode, fmt::format("{} keeps memory secret (memfd_secret)", name_of(holder)),
                 fmt::format("/proc/{}/maps", holder.pid), fmt::format("end {}", holder.name));
  if (!kernel.cxl_memory.empty())
    sheet.refuse(kCode, fmt::format("CXL memory is in use: {}", listed(kernel.cxl_memory)),
                 "/sys/bus/cxl/devices");
  if (sheet.checks.size() == before && !kernel.is_locked_down())
    sheet.refuse(kCode, "the kernel forbids it: memory of memfd_secret, or CXL memory", kSource,
                 kernel.processes_not_looked_at == 0 ? "" : "ask again as root, who sees all processes");
}

void check_kexec(Sheet& sheet) {
  constexpr const char* kSource = "/proc/sys/kernel/kexec_load_disabled";
  const auto may = sheet.facts.kernel.may_load_kernels;
  if (!may) {
    sheet.unknown("kexec", "whether another kernel may be entered is not known", kSource);
  } else if (*may) {
    sheet.ok("kexec", "another kernel may be entered", kSource);
  } else {
    sheet.refuse("kexec", "the kernel enters no other one: kernel.kexec_load_disabled", kSource,
                 "leave kernel.kexec_load_disabled at 0, and boot again");
  }
}

void check_snapshot(Sheet& sheet) {
  for (const Process& holder : sheet.facts.kernel.snapshot_holders)
    sheet.warn("snapshot",
               fmt::format("{} has /dev/snapshot open: hibernate says that it is busy", name_of(holder)),
               fmt::format("/proc/{}/fd", holder.pid), fmt::format("end {} before hibernating", holder.name));
}

}  // namespace

void check_permission(Sheet& sheet) {
  check_lockdown(sheet);
  check_hibernation(sheet);
  check_kexec(sheet);
  check_snapshot(sheet);
}

}  // namespace hib::jump::checks
