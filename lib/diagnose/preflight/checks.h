// The checks, in groups. Each adds what it has to say; none depends on what another one said.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/diagnose/preflight/preflight.h"

namespace hib::diagnose::checks {

class Sheet {
 public:
  explicit Sheet(const PreflightFacts& facts_) : facts(facts_) {}

  const PreflightFacts& facts;
  std::vector<Check> checks;

  Check& ok(std::string_view name, Code code, std::string text) {
    return add(name, code, CheckResult::Ok, std::move(text));
  }
  Check& warn(std::string_view name, Code code, std::string text) {
    return add(name, code, CheckResult::Warning, std::move(text));
  }
  Check& fails(std::string_view name, Code code, std::string text) {
    return add(name, code, CheckResult::WouldFail, std::move(text));
  }
  Check& unknown(std::string_view name, Code code, std::string text) {
    return add(name, code, CheckResult::Unknown, std::move(text));
  }

 private:
  Check& add(std::string_view name, Code code, CheckResult result, std::string text) {
    checks.push_back({name, code, result, std::move(text), {}, {}});
    return checks.back();
  }
};

void check_kernel(Sheet& sheet);      // may this kernel hibernate at all, and who forbids it
void check_systemd(Sheet& sheet);     // would systemd ask it to
void check_swap(Sheet& sheet);        // where the image would go, and whether it stays there
void check_memory(Sheet& sheet);      // room for the image, on the disk and in memory
void check_place(Sheet& sheet);       // would the next boot look there
void check_initramfs(Sheet& sheet);   // would it ask its kernel to resume, and could that
void check_next_boot(Sheet& sheet);   // which kernel that is
void check_jump(Sheet& sheet);        // what hibtool's own way needs, where it is installed
void check_memory_map(Sheet& sheet);  // is the firmware's memory map the same at every boot

// Advice that is needed in several places.
std::vector<Advice> fix_parameters(const PreflightFacts& facts);  // and the initramfs, where it has a copy

}  // namespace hib::diagnose::checks
