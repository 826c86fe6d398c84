// What hibtool's own way of hibernating needs (docs/kernel-glue.md): asked only where its module is. All are
// warnings, for the kernel's own way goes without.
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

void check_region(Sheet& sheet, const boot::KernelState& kernel) {
  constexpr std::string_view kName = "jump-region";
  if (!kernel.crash_bytes) {
    sheet.unknown(kName, Code::Unknown, "whether memory is set aside for the saver is not known");
    return;
  }
  if (kernel.has_crash_kernel) {
    sheet.warn(kName, Code::Unknown, "a crash kernel lies in the memory for the saver: hibtool arm refuses")
        .fix.push_back({"unload it", "systemctl disable --now kdump-tools", ""});
    return;
  }
  if (*kernel.crash_bytes >= boot::kUsualCrashBytes) {
    sheet.ok(
        kName, Code::Unknown,
        fmt::format("{} are set aside for the saver of hibtool hibernate", human_bytes(*kernel.crash_bytes)));
    return;
  }
  Check& check =
      sheet.warn(kName, Code::Unknown,
                 *kernel.crash_bytes == 0
                     ? "no memory is set aside for the saver: hibtool arm refuses"
                     : fmt::format("only {} are set aside for the saver of hibtool hibernate, {} are usual",
                                   human_bytes(*kernel.crash_bytes), human_bytes(boot::kUsualCrashBytes)));
  check.evidence.push_back(
      {"/sys/kernel/kexec_crash_size", std::nullopt, "", std::nullopt, std::to_string(*kernel.crash_bytes)});
  check.fix.push_back(sheet.facts.remedies.put("crashkernel=192M"));
}

void check_loading(Sheet& sheet, const boot::KernelState& kernel) {
  constexpr std::string_view kName = "jump-kexec";
  if (kernel.may_load_kernels == false) {
    Check& check =
        sheet.warn(kName, Code::Unknown,
                   "this kernel loads no other one: hibtool resume through the saver is refused here");
    check.evidence.push_back({"/proc/sys/kernel/kexec_load_disabled", std::nullopt, "", std::nullopt, "1"});
    check.fix.push_back({"leave kernel.kexec_load_disabled at 0, and boot again", "", "/etc/sysctl.d"});
  }
  if (kernel.is_locked_down()) {
    Check& check =
        sheet.warn(kName, Code::Lockdown,
                   fmt::format("the kernel is locked down ({}): it loads the module hibjump only with a "
                               "signature that it trusts, and the saver not at all by kexec",
                               *kernel.lockdown));
    if (kernel.lockdown_evidence) check.evidence.push_back(*kernel.lockdown_evidence);
  }
}

}  // namespace

void check_jump(Sheet& sheet) {
  const boot::KernelState& kernel = sheet.facts.configuration.kernel;
  if (!kernel.has_jump) return;
  check_region(sheet, kernel);
  check_loading(sheet, kernel);
}

}  // namespace hib::diagnose::checks
