// Which kernel would the next boot start?
#include <fmt/format.h>

#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {

void check_next_boot(Sheet& sheet) {
  constexpr std::string_view kName = "next-kernel";
  const boot::Configuration& configuration = sheet.facts.configuration;
  const std::string& running = configuration.kernel.release;
  const auto chosen = configuration.boot.default_entry;
  const boot::BootEntry* entry = chosen ? &configuration.boot.entries[*chosen] : nullptr;
  std::string next = entry != nullptr ? entry->release : "";
  if (next.empty() && sheet.facts.initramfs)
    next = sheet.facts.initramfs->kernel_release;  // of a unified image
  if (running.empty()) return;
  if (next.empty()) {
    sheet.unknown(kName, Code::OtherKernel, "which kernel the next boot starts is not known");
    return;
  }
  if (next == running) {
    sheet.ok(kName, Code::OtherKernel, fmt::format("the next boot starts the running kernel, {}", running));
    return;
  }
  const std::string text = fmt::format("the next boot starts {}, and {} is running", next, running);
  // x86 loads an image of another build; other architectures compare the builds and refuse.
  const std::string& machine = configuration.kernel.machine;
  const bool may_differ = machine.empty() || machine == "x86_64" || machine == "i686";
  Check& check = may_differ
                     ? sheet.warn(kName, Code::OtherKernel, text + ": it must be able to read the image")
                     : sheet.fails(kName, Code::OtherKernel, text + ": it refuses images of another build");
  if (entry != nullptr) check.evidence.push_back(entry->evidence);
  check.fix.push_back({"boot into the new kernel first, then hibernate", "", ""});
}

}  // namespace hib::diagnose::checks
