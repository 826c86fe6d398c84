#include "lib/diagnose/preflight/preflight.h"

#include <algorithm>

#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose {

std::string_view name_of(CheckResult result) {
  switch (result) {
    case CheckResult::Ok: return "ok";
    case CheckResult::Warning: return "warning";
    case CheckResult::WouldFail: return "would-fail";
    case CheckResult::Unknown: return "unknown";
  }
  return "unknown";
}

bool PreflightReport::would_fail() const {
  return std::any_of(checks.begin(), checks.end(),
                     [](const Check& check) { return check.result == CheckResult::WouldFail; });
}

PreflightReport judge(const PreflightFacts& facts) {
  checks::Sheet sheet(facts);
  checks::check_kernel(sheet);
  checks::check_systemd(sheet);
  checks::check_swap(sheet);
  checks::check_memory(sheet);
  checks::check_place(sheet);
  checks::check_initramfs(sheet);
  checks::check_next_boot(sheet);
  return {std::move(sheet.checks), facts.configuration.unread};
}

Result<PreflightReport> preflight(const boot::MachineFiles& files) {
  TRY(const device::Tree tree, boot::open_tree(files));
  return judge(read_preflight_facts(tree, files.initramfs));
}

}  // namespace hib::diagnose
