#include "lib/jump/boot/kexec.h"

#include <linux/kexec.h>
#include <linux/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace hib::jump {

Result<void> kexec_load(const LoadPlan& plan) {
  std::vector<kexec_segment> segments;
  for (const Segment& segment : plan.segments) {
    segments.push_back({segment.bytes.data(), segment.bytes.size(), reinterpret_cast<void*>(segment.address),
                        segment.memory_bytes});
  }
  if (::syscall(SYS_kexec_load, plan.stub, segments.size(), segments.data(),
                static_cast<unsigned long>(KEXEC_ARCH_X86_64)) == 0)
    return {};
  Error error = system_error("kexec_load", errno);
  if (errno == EPERM)
    error.advice =
        "needs root, a kernel that is not locked down, and /proc/sys/kernel/kexec_load_disabled at 0";
  if (errno == EADDRNOTAVAIL) error.advice = "this kernel uses the memory that the saver needs for itself";
  return fail(std::move(error));
}

void kexec_unload() {
  ::syscall(SYS_kexec_load, 0, 0, nullptr, static_cast<unsigned long>(KEXEC_ARCH_X86_64));
}

Error kexec_enter() {
  ::sync();
  ::syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_KEXEC, nullptr);
  return system_error("reboot into the loaded kernel", errno);
}

}  // namespace hib::jump
