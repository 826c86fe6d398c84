// The kernel module, the kernel that it was tested with, and the memory for the saver.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/check/checks.h"
#include "lib/jump/module/refused.h"
#include "lib/os/machine.h"

namespace hib::jump::checks {
namespace {

constexpr std::uint64_t k4GiB = 1ULL << 32;
constexpr const char* kModulePath = "/dev/hibjump";
constexpr const char* kRegionSize = "/sys/kernel/kexec_crash_size";
constexpr std::string_view kRegionName = "Crash kernel";
constexpr const char* kBootWithRegion = "boot with crashkernel=192M";
constexpr std::array<const char*, 2> kCrashKernelServices = {"kdump-tools", "kdump"};

void check_loaded(Sheet& sheet) {
  constexpr std::string_view kCode = "module";
  const Facts& facts = sheet.facts;
  if (!facts.module) {
    sheet.unknown(kCode, "of a captured machine, hibjump cannot be asked", kModulePath);
    return;
  }
  if (const DeviceInfo* info = facts.info()) {
    if (info->is_saver) {
      sheet.refuse(kCode, "this kernel is the saver of another one", kModulePath);
    } else {
      sheet.ok(kCode, info->armed ? "hibjump is loaded, and armed" : "hibjump is loaded", kModulePath);
    }
    return;
  }
  const Error& error = facts.module->error();
  if (error.kind == ErrorKind::NotFound) {
    sheet.warn(kCode, "hibjump is not loaded, and hibtool arm needs it", kModulePath,
               facts.kernel.has_jump
                   ? "modprobe hibjump"
                   : "apt install hibtool-dkms, or build it as docs/guide/hibernate.md says");
    return;
  }
  sheet.unknown(kCode, "hibjump cannot be asked: " + error.text(), kModulePath);
}

void check_series(Sheet& sheet) {
  constexpr std::string_view kCode = "kernel";
  constexpr const char* kSource = "/proc/sys/kernel/osrelease";
  const diagnose::boot::KernelState& kernel = sheet.facts.kernel;
  if (!kernel.machine.empty() && kernel.machine != "x86_64") {
    sheet.refuse(kCode, fmt::format("{}: the jump is made for x86_64 alone", kernel.machine), kSource);
    return;
  }
  if (kernel.release.empty()) {
    sheet.unknown(kCode, "which kernel runs is not known", kSource);
    return;
  }
  Machine machine;
  machine.release = kernel.release;
  const DeviceInfo* info = sheet.facts.info();
  const unsigned series = machine.release_number();
  const bool is_tested =
      info != nullptr ? !info->untested_series : is_tested_series(series / 1000, series % 1000);
  if (is_tested) {
    sheet.ok(kCode, fmt::format("{}: a series that is tested", kernel.release), kSource);
  } else {
    sheet.warn(kCode, fmt::format("{}: a series that is not tested", kernel.release), kSource,
               info != nullptr ? "" : "modprobe hibjump allow_untested=1");
  }
}

// Nothing where neither the module nor the kernel shows it.
std::optional<MemoryRange> region_of(const Facts& facts) {
  if (const DeviceInfo* info = facts.info()) return info->region;
  std::optional<MemoryRange> last;  // with ",high" there are two, and the kernel loads into the upper one
  for (const MemoryRange& range : memory_ranges(facts.memory, kRegionName)) last = range;
  if (last) return last;
  if (facts.kernel.crash_bytes) return MemoryRange{0, *facts.kernel.crash_bytes};
  return std::nullopt;
}

void check_region(Sheet& sheet) {
  constexpr std::string_view kCode = "region";
  const auto region = region_of(sheet.facts);
  if (!region) {
    sheet.unknown(kCode, "whether memory is set aside is not known", kRegionSize);
  } else if (region->bytes == 0) {
    sheet.refuse(kCode, "no memory is set aside for the saver", kRegionSize, kBootWithRegion);
  } else if (region->end() > k4GiB) {
    sheet.refuse(kCode, fmt::format("the saver's memory ends at {}, above 4 GiB", hex(region->end())),
                 "/proc/iomem", "boot with crashkernel=192M, without \",high\"");
  } else if (region->bytes < diagnose::boot::kUsualCrashBytes) {
    sheet.warn(kCode,
               fmt::format("{} are set aside for the saver; 192 MiB are usual", human_bytes(region->bytes)),
               kRegionSize, kBootWithRegion);
  } else {
    sheet.ok(kCode, fmt::format("{} are set aside for the saver", human_bytes(region->bytes)), kRegionSize);
  }
}

void check_crash_kernel(Sheet& sheet) {
  constexpr std::string_view kCode = kCrashKernel;
  const Facts& facts = sheet.facts;
  const DeviceInfo* info = facts.info();
  if (info != nullptr ? info->crash_kernel_loaded : facts.kernel.has_crash_kernel) {
    sheet.refuse(kCode, "a crash kernel lies in the memory for the saver", "/sys/kernel/kexec_crash_loaded",
                 "kexec -p -u; systemctl disable --now kdump-tools");
    return;
  }
  for (const std::string service : kCrashKernelServices) {
    const std::string unit = "/etc/systemd/system/multi-user.target.wants/" + service + ".service";
    if (!facts.tree.link(unit)) continue;
    sheet.warn(kCode, fmt::format("{} is enabled: it loads into the saver's memory", service), unit,
               "systemctl disable " + service);
    return;
  }
  if (facts.tree.exists("/sys/kernel/kexec_crash_loaded"))
    sheet.ok(kCode, "none is loaded", "/sys/kernel/kexec_crash_loaded");
}

}  // namespace

void check_module(Sheet& sheet) {
  check_loaded(sheet);
  check_series(sheet);
  check_region(sheet);
  check_crash_kernel(sheet);
}

}  // namespace hib::jump::checks
