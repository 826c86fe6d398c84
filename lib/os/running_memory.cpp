#include "lib/os/running_memory.h"

#include <fcntl.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "lib/os/fd.h"

namespace hib {
namespace {

// "none integrity [confidentiality]", or nothing where the kernel has no lockdown.
bool is_locked_down() {
  std::ifstream file("/sys/kernel/security/lockdown");
  std::string line;
  return std::getline(file, line) && line.find("[confidentiality]") != std::string::npos;
}

}  // namespace

Result<void> can_read_running_machine() {
  const Fd fd(::open(kRunningMachine, O_RDONLY | O_CLOEXEC));
  if (fd) return {};
  const int reason = errno;
  const auto refuse = [](ErrorKind kind, std::string found, std::string allowed, std::string advice) {
    return fail(make_error(kind, "open", std::move(found), std::move(allowed))
                    .of(kRunningMachine)
                    .advise(std::move(advice)));
  };
  if (reason == EPERM && is_locked_down()) {
    return refuse(ErrorKind::Refused, "the kernel is locked down (confidentiality)",
                  "a kernel that shows its memory", "take the memory from outside, through the hypervisor");
  }
  if (reason == EACCES || reason == EPERM)
    return refuse(ErrorKind::Io, "no permission", "root, with CAP_SYS_RAWIO", "run it with sudo");
  if (reason == ENOENT)
    return refuse(ErrorKind::NotFound, "not there", "a kernel with CONFIG_PROC_KCORE", "");
  return fail(system_error("open", reason).of(kRunningMachine));
}

}  // namespace hib
