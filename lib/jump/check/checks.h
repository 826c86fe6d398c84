// The checks, in groups. Each adds what it has to say; none depends on what another one said. What surely
// goes wrong is refused; what may go wrong is a warning.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/jump/check/facts.h"

namespace hib::jump::checks {

inline constexpr std::string_view kCrashKernel = "crash-kernel";

class Sheet {
 public:
  explicit Sheet(const Facts& facts_) : facts(facts_) {}

  const Facts& facts;
  std::vector<Check> checks;

  void ok(std::string_view code, std::string text, std::string source) {
    checks.push_back({code, CheckResult::Ok, std::move(text), std::move(source), {}});
  }
  void warn(std::string_view code, std::string text, std::string source, std::string fix = {}) {
    checks.push_back({code, CheckResult::Warning, std::move(text), std::move(source), std::move(fix)});
  }
  void refuse(std::string_view code, std::string text, std::string source, std::string fix = {}) {
    checks.push_back({code, CheckResult::Refused, std::move(text), std::move(source), std::move(fix)});
  }
  void unknown(std::string_view code, std::string text, std::string source, std::string fix = {}) {
    checks.push_back({code, CheckResult::Unknown, std::move(text), std::move(source), std::move(fix)});
  }
};

void check_module(Sheet& sheet);      // the kernel module, the kernel's series, the memory set aside
void check_permission(Sheet& sheet);  // what the kernel allows: lockdown, hibernation, kexec
void check_processor(Sheet& sheet);   // hypervisor, encryption of memory, processors
void check_memory(Sheet& sheet);
void check_devices(Sheet& sheet);  // drivers that are known, watchdogs, firmware
void check_system(Sheet& sheet);   // what runs here: hooks of systemd, virtual machines

}  // namespace hib::jump::checks
