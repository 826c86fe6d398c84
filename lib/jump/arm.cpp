#include "lib/jump/arm.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/initramfs.h"
#include "lib/jump/load_plan.h"

namespace hib::jump {
namespace {

// What of A's command line B wants too: how to reach the console and how to get along with this machine. The rest is about
// A's file systems and memory.
constexpr std::array<std::string_view, 16> kInherited = {"console=", "earlyprintk=", "earlycon=", "acpi", "pci=", "pcie_", "iommu=", "intel_iommu=", "amd_iommu=", "no5lvl",
                                                         "noapic", "nolapic", "libata.", "ahci.", "nvme", "usb-storage."};
// A panic of B reboots the machine; the firmware's x2APIC mode would survive into A, which may not use it.
constexpr std::string_view kAlways = "panic=10 oops=panic softlockup_panic=1 reset_devices nox2apic";

std::string inherited_command_line() {
  std::ifstream file("/proc/cmdline");
  std::string line;
  for (std::string word; file >> word;) {
    const bool wanted = std::any_of(kInherited.begin(), kInherited.end(), [&](std::string_view prefix) { return word.rfind(prefix, 0) == 0; });
    if (wanted) line += word + " ";
  }
  return line;
}

// "PHYSICAL-ADDRESS SIZE", both in hexadecimal.
Result<MemoryRange> vmcoreinfo_note() {
  std::ifstream file("/sys/kernel/vmcoreinfo");
  MemoryRange note;
  if (!(file >> std::hex >> note.start >> note.bytes)) return fail(make_error(ErrorKind::Unsupported, "/sys/kernel/vmcoreinfo", "nothing to read", "a kernel with CONFIG_VMCORE_INFO"));
  return note;
}

// On EFI machines; 0 where the firmware is a BIOS.
std::uint64_t acpi_rsdp() {
  std::ifstream file("/sys/firmware/efi/systab");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("ACPI20=", 0) == 0) return std::strtoull(line.c_str() + 7, nullptr, 0);
  }
  return 0;
}

Result<KernelModule> read_jump_module(const ArmOptions& options, const std::string& folder) {
  if (!options.jump_module.empty()) {
    TRY(const auto file, File::open(options.jump_module));
    TRY(auto content, file->read_at(0, file->size()));
    return KernelModule{"hibjump", options.jump_module, std::move(content)};
  }
  TRY(auto modules, read_modules(folder, {"hibjump"}));
  if (modules.empty()) return fail(make_error(ErrorKind::NotFound, "kernel module", "no hibjump.ko", "one built for this kernel").of(folder).advise("dkms install hibjump, or --module FILE"));
  return std::move(modules.back());
}

Result<std::vector<std::byte>> build_initramfs(const ArmOptions& options, const std::string& folder, ArmReport& report) {
  TRY(auto modules, read_modules(folder, options.drivers));
  TRY(auto jump_module, read_jump_module(options, folder));
  modules.push_back(std::move(jump_module));
  Initramfs initramfs;
  initramfs.add_character_device("dev/console", 0600, 5, 1);
  TRY_OK(initramfs.add_this_program("init"));
  for (std::size_t i = 0; i < modules.size(); ++i) {
    initramfs.add_file(fmt::format("{}/{:03}-{}.ko", kModuleFolder, i, modules[i].name), modules[i].content, 0600);
    report.modules.push_back(modules[i].name);
  }
  initramfs.add_file(kConfigPath, as_bytes(options.config), 0600);
  return initramfs.finish();
}

Result<void> load(const Device& device, const LoadPlan& plan) {
  std::vector<std::byte> read_back;
  for (const Segment& segment : plan.segments) {
    TRY_OK(device.write(segment.address, segment.bytes));
    read_back.resize(segment.bytes.size());
    TRY_OK(device.read(segment.address, read_back));
    if (read_back != segment.bytes) return fail(make_error(ErrorKind::Io, "crash region", "other bytes than were written").at(segment.address));
  }
  return {};
}

}  // namespace

Result<JumpId> new_jump_id() {
  JumpId id;
  if (::getrandom(id.data(), id.size(), 0) != static_cast<ssize_t>(id.size())) return fail(system_error("getrandom", errno));
  return id;
}

Result<ArmReport> arm(const Device& device, const ArmOptions& options) {
  TRY(const auto info, device.info());
  if (info.is_b) return fail(make_error(ErrorKind::Refused, "arm", "the image-saving kernel itself", "the machine's own kernel"));
  if (info.region.bytes == 0) return fail(make_error(ErrorKind::Refused, "crash region", "none", "crashkernel=SIZE on the kernel's command line").advise("boot with crashkernel=256M"));
  if (info.crash_kernel_loaded) return fail(make_error(ErrorKind::Refused, "crash region", "a crash kernel is loaded in it", "an empty one").advise("kexec -p -u, or systemctl stop kdump-tools"));
  if (info.armed) TRY_OK(device.disarm());
  const Machine machine = read_machine("");
  ArmReport report;
  report.region = info.region;
  report.kernel = options.kernel.empty() ? "/boot/vmlinuz-" + machine.release : options.kernel;
  TRY(const auto kernel, BzImage::read(report.kernel));
  report.release = kernel.release;
  TRY(auto initramfs, build_initramfs(options, options.modules.empty() ? "/lib/modules/" + kernel.release : options.modules, report));
  report.initramfs_bytes = initramfs.size();

  LoadRequest request;
  request.region = info.region;
  request.firmware_map = machine.memory_map;
  TRY(request.ram, read_ram_ranges());
  TRY(const auto vmcoreinfo, vmcoreinfo_note());
  request.notes = {vmcoreinfo, {info.note, kPageBytes}};
  request.command_line = fmt::format("{}{} {}", inherited_command_line(), kAlways, options.append);
  request.acpi_rsdp = acpi_rsdp();
  TRY(const auto plan, plan_load(request, kernel, std::move(initramfs)));
  report.command_line = request.command_line;
  TRY_OK(load(device, plan));

  TRY_OK(device.arm({plan.entry, plan.boot_params, plan.low_copy, plan.low, options.id}));
  return report;
}

}  // namespace hib::jump
