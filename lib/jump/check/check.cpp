#include "lib/jump/check/check.h"

#include "lib/base/text.h"
#include "lib/jump/check/checks.h"

namespace hib::jump {

std::string_view name_of(CheckResult result) {
  switch (result) {
    case CheckResult::Ok: return "ok";
    case CheckResult::Warning: return "warning";
    case CheckResult::Refused: return "refused";
    case CheckResult::Unknown: return "unknown";
  }
  return "unknown";
}

Error error_of(const Check& check) {
  return make_error(ErrorKind::Refused, std::string(check.code), check.text).advise(check.fix);
}

std::vector<Error> CheckReport::refusals() const {
  std::vector<Error> errors;
  for (const Check& check : checks) {
    if (check.result == CheckResult::Refused) errors.push_back(error_of(check));
  }
  return errors;
}

void refuse_crash_kernels(CheckReport& report) {
  for (Check& check : report.checks) {
    if (check.code == checks::kCrashKernel && check.result == CheckResult::Warning)
      check.result = CheckResult::Refused;
  }
}

Error refusal_of(const std::vector<Error>& refusals) {
  std::vector<std::string> codes;
  for (const Error& refusal : refusals) codes.push_back(refusal.where);
  return make_error(ErrorKind::Refused, "checks", listed(codes)).advise("hibtool arm --check");
}

CheckReport check_machine(const device::Tree& tree, const std::optional<Result<DeviceInfo>>& module) {
  CheckReport report;
  const Facts facts(tree, module, report.not_read);
  checks::Sheet sheet(facts);
  checks::check_module(sheet);
  checks::check_permission(sheet);
  checks::check_processor(sheet);
  checks::check_memory(sheet);
  checks::check_devices(sheet);
  checks::check_system(sheet);
  report.release = facts.kernel.release;
  report.checks = std::move(sheet.checks);
  return report;
}

}  // namespace hib::jump
