// May this kernel hibernate at all? hibernation_available() of kernel/power/hibernate.c asks four things:
// nohibernate, lockdown, memory that is secret from the kernel, and CXL memory.
#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

using boot::KernelState;
using boot::Origin;

const boot::ResumeSetting* running_line(const PreflightFacts& facts) {
  const auto found = facts.configuration.settings_of(Origin::RunningCommandLine);
  return found.empty() ? nullptr : found.front();
}

bool could_not_read(const PreflightFacts& facts, const std::string& path) {
  const auto& unread = facts.configuration.unread;
  return std::any_of(unread.begin(), unread.end(),
                     [&](const boot::Unread& each) { return each.path == path; });
}

void check_lockdown(Sheet& sheet) {
  constexpr std::string_view kName = "lockdown";
  constexpr const char* kPath = "/sys/kernel/security/lockdown";
  const KernelState& kernel = sheet.facts.configuration.kernel;
  if (!kernel.lockdown) {
    // Without the file the kernel has no lockdown, unless there is nothing to see of the kernel at all.
    if (!kernel.state || could_not_read(sheet.facts, kPath))
      sheet.unknown(kName, Code::Lockdown, fmt::format("{} cannot be read", kPath));
    return;
  }
  if (*kernel.lockdown == "none") {
    sheet.ok(kName, Code::Lockdown, "the kernel is not locked down");
    return;
  }
  const boot::ResumeSetting* line = running_line(sheet.facts);
  const bool is_by_line = line != nullptr && line->line.lockdown;
  std::string who = "what set it is not known";
  if (kernel.secure_boot == true) who = "Secure Boot sets it";
  if (is_by_line) who = fmt::format("lockdown={} on the command line sets it", *line->line.lockdown);
  // A distribution may have patched its kernel so that it hibernates all the same.
  const bool hibernates = kernel.can_hibernate() == true;
  const std::string text = fmt::format("the kernel is locked down ({}): {}", *kernel.lockdown, who);
  Check& check = hibernates ? sheet.warn(kName, Code::Lockdown, text + "; it still offers hibernation")
                            : sheet.fails(kName, Code::Lockdown, text + "; it forbids hibernation");
  if (kernel.lockdown_evidence) check.evidence.push_back(*kernel.lockdown_evidence);
  if (hibernates) return;
  if (is_by_line) {
    check.fix.push_back(sheet.facts.remedies.take_off("lockdown=" + *line->line.lockdown));
  } else if (kernel.secure_boot == true) {
    check.fix.push_back({"switch Secure Boot off in the firmware's setup", "", ""});
  } else {
    check.fix = {
        {"see what sets it: the kernel says it when it boots", "journalctl -k -b -g 'locked down'", ""},
        {"then switch Secure Boot off in the firmware's setup, take lockdown= off the command line, "
         "or keep the program from running that writes into /sys/kernel/security/lockdown",
         "", ""}};
  }
}

void check_secret_memory(Sheet& sheet) {
  constexpr std::string_view kName = "secret-memory";
  const KernelState& kernel = sheet.facts.configuration.kernel;
  for (const boot::Process& holder : kernel.secret_memory) {
    Check& check = sheet.fails(
        kName, Code::Inhibited,
        fmt::format("process {} ({}) keeps memory secret from the kernel, which forbids hibernation",
                    holder.pid, holder.name));
    check.fix.push_back({fmt::format("end {} before hibernating", holder.name), "", ""});
  }
  if (!kernel.secret_memory.empty()) return;
  if (kernel.can_hibernate() == true) {
    sheet.ok(kName, Code::Inhibited, "no process keeps memory secret from the kernel");
  } else if (kernel.processes_not_looked_at != 0 && kernel.disk) {
    sheet.unknown(kName, Code::Inhibited,
                  fmt::format("{} could not be looked into for secret memory: needs root",
                              counted(kernel.processes_not_looked_at, "process")));
  }
}

void check_others(Sheet& sheet) {
  const KernelState& kernel = sheet.facts.configuration.kernel;
  if (!kernel.cxl_memory.empty() && kernel.can_hibernate() != true)
    sheet.fails(
        "cxl-memory", Code::Inhibited,
        fmt::format("CXL memory is in use ({}), which forbids hibernation", listed(kernel.cxl_memory)));
  const boot::ResumeSetting* line = running_line(sheet.facts);
  if (line != nullptr && line->line.no_hibernate) {
    Check& check = sheet.fails("nohibernate", Code::Inhibited, "the kernel was booted with nohibernate");
    check.evidence.push_back(line->evidence);
    check.fix.push_back(sheet.facts.remedies.take_off(line->line.off_by));
  }
}

void check_available(Sheet& sheet) {
  constexpr std::string_view kName = "hibernation-available";
  const KernelState& kernel = sheet.facts.configuration.kernel;
  const auto can = kernel.can_hibernate();
  if (!can) {
    sheet.unknown(kName, Code::Inhibited, "/sys/power/state cannot be read");
    return;
  }
  if (*can) {
    sheet.ok(kName, Code::Inhibited, "the kernel offers hibernation");
    return;
  }
  const bool is_built_in = kernel.disk.has_value();
  Check& check =
      sheet.fails(kName, Code::Inhibited,
                  is_built_in ? "the kernel refuses to hibernate: \"disk\" is missing in /sys/power/state"
                              : "the kernel was built without hibernation: there is no /sys/power/disk");
  const auto show = [&](const char* path, const std::optional<std::string>& text) {
    if (text && !text->empty()) check.evidence.push_back({path, std::nullopt, "", std::nullopt, *text});
  };
  show("/sys/power/state", kernel.state);
  show("/sys/power/disk", kernel.disk);
  check.fix.push_back(
      {is_built_in ? "see what the checks of lockdown, nohibernate and secret memory say; where none says "
                     "anything, CXL memory keeps it from that"
                   : "boot a kernel that has hibernation (CONFIG_HIBERNATION)",
       "", ""});
}

void check_firmware(Sheet& sheet) {
  constexpr std::string_view kName = "firmware-s4";
  const auto& disk = sheet.facts.configuration.kernel.disk;
  if (!disk || KernelState::chosen(*disk) == "disabled") return;
  if (disk->find("platform") != std::string::npos) {
    sheet.ok(kName, Code::FirmwareS4, "the firmware offers S4");
    return;
  }
  sheet.warn(kName, Code::FirmwareS4,
             "the firmware offers no S4: the machine is switched off as in a shutdown, and devices that "
             "should wake it do not");
}

}  // namespace

void check_kernel(Sheet& sheet) {
  check_available(sheet);
  check_lockdown(sheet);
  check_secret_memory(sheet);
  check_others(sheet);
  check_firmware(sheet);
}

}  // namespace hib::diagnose::checks
