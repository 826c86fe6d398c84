// What runs on the machine and is not asked when it jumps.
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/check/checks.h"

namespace hib::jump::checks {
namespace {

void check_sleep_hooks(Sheet& sheet) {
  for (const std::string folder : {"/usr/lib/systemd/system-sleep", "/etc/systemd/system-sleep"}) {
    const auto hooks = sheet.facts.reader.names(folder);
    if (!hooks.empty()) sheet.warn("sleep-hooks", fmt::format("these do not run: {}", listed(hooks)), folder);
  }
}

void check_virtual_machines(Sheet& sheet) {
  const std::size_t machines = sheet.facts.kernel.virtual_machines;
  if (machines != 0)
    sheet.warn("kvm-host",
               fmt::format("{} here: their clocks stop meanwhile", counted(machines, "virtual machine")),
               "/proc", "shut them down, or tell them the time afterwards");
}

}  // namespace

void check_system(Sheet& sheet) {
  check_sleep_hooks(sheet);
  check_virtual_machines(sheet);
}

}  // namespace hib::jump::checks
