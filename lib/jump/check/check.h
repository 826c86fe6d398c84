// Would the jump be allowed on this machine, and what is known to speak against it? Looks at what the kernel
// shows of itself, of this machine or of a captured one, and changes nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/device/probe/tree.h"
#include "lib/diagnose/boot/tree_reader.h"
#include "lib/jump/module/device.h"

namespace hib::jump {

enum class CheckResult : std::uint8_t { Ok, Warning, Refused, Unknown };
std::string_view name_of(CheckResult result);  // "refused", as in documents

// One thing that was looked at.
struct Check {
  std::string_view code;  // stable, for scripts: "hypervisor"
  CheckResult result = CheckResult::Unknown;
  std::string text;    // one sentence; names in it are as the machine has them, so hostile
  std::string source;  // the file or folder that tells
  std::string fix;     // what to do; empty: nothing to do, or nothing helps
};

// What a check says that refuses.
Error error_of(const Check& check);

struct CheckReport {
  std::string release;  // uname -r; empty where it is not known
  std::vector<Check> checks;
  std::vector<diagnose::boot::Unread> not_read;  // what could not be read, and why

  bool allowed() const { return refusals().empty(); }
  std::vector<Error> refusals() const;
};

// A saver that stands by shares its memory with nobody: a crash kernel that may be loaded there is not only
// warned of.
void refuse_crash_kernels(CheckReport& report);

// One error for all refusals, for who wants one.
Error refusal_of(const std::vector<Error>& refusals);

// `module`: what the kernel module answered, or why it could not be asked; nothing of a captured machine.
CheckReport check_machine(const device::Tree& tree, const std::optional<Result<DeviceInfo>>& module);

}  // namespace hib::jump
