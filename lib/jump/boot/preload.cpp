#include "lib/jump/boot/preload.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>

#include <fmt/format.h>

#include "lib/jump/boot/initramfs.h"
#include "lib/jump/boot/kernel_files.h"
#include "lib/os/file.h"
#include "lib/os/machine.h"

namespace hib::jump {
namespace {

// The options of the machine's command line that the saver needs too: for the console and for quirks of the
// hardware. The others are about the machine's file systems and memory.
constexpr std::array<std::string_view, 17> kInherited = {
    "console=",       "earlyprintk=", "earlycon=",  "acpi",   "pci=",        "pcie_",
    "iommu=",         "intel_iommu=", "amd_iommu=", "no5lvl", "noapic",      "nolapic",
    "no_timer_check", "libata.",      "ahci.",      "nvme",   "usb-storage."};
// A panic of the saver that does not go back into the machine restarts. nox2apic: x2APIC mode would stay on
// after the jump back, and the machine may not use it. acpi_no_memhotplug: ACPI lists the machine's memory
// modules, which the saver would add to its own memory and write to. acpi_sleep=nonvs: the kernel copies
// ACPI's own memory at each jump, and the jump ends before it gives the copy back. The others save memory.
// numa=off: each of the machine's nodes takes some, and most have none that the saver may use.
// transparent_hugepage=never: huge pages need more of it kept free. cgroup_disable=memory: there is one
// program, and nothing to account for.
constexpr std::string_view kAlways =
    "panic=10 oops=panic softlockup_panic=1 reset_devices nox2apic no-kvmclock acpi_no_memhotplug "
    "acpi_sleep=nonvs numa=off cgroup_disable=memory transparent_hugepage=never";

std::string inherited_command_line() {
  std::ifstream file("/proc/cmdline");
  std::string line;
  for (std::string word; file >> word;) {
    const bool wanted = std::any_of(kInherited.begin(), kInherited.end(),
                                    [&](std::string_view prefix) { return word.rfind(prefix, 0) == 0; });
    if (wanted) line += word + " ";
  }
  return line;
}

std::uint64_t rsdp_of_efi() {
  std::ifstream file("/sys/firmware/efi/systab");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("ACPI20=", 0) == 0) return std::strtoull(line.c_str() + 7, nullptr, 0);
  }
  return 0;
}

// acpi_rsdp_addr of struct boot_params: what a loader without a BIOS gave the machine's kernel (kexec, PVH).
std::uint64_t rsdp_of_loader() {
  constexpr std::streamoff kAddress = 0x70;
  std::ifstream file("/sys/kernel/boot_params/data", std::ios::binary);
  std::uint64_t address = 0;
  file.seekg(kAddress);
  file.read(reinterpret_cast<char*>(&address), sizeof(address));
  return file ? address : 0;
}

// 0 where the kernel finds it by itself, as on a machine with a BIOS.
std::uint64_t acpi_rsdp() {
  const std::uint64_t address = rsdp_of_efi();
  return address != 0 ? address : rsdp_of_loader();
}

Result<KernelModule> read_jump_module(const PreloadOptions& options, const std::string& folder) {
  if (!options.jump_module.empty()) {
    TRY(auto content, File::read_whole(options.jump_module));
    return KernelModule{"hibjump", options.jump_module, std::move(content)};
  }
  TRY(auto modules, read_modules(folder, {"hibjump"}));
  if (modules.empty())
    return fail(make_error(ErrorKind::NotFound, "kernel module", "no hibjump.ko", "one built for this kernel")
                    .of(folder)
                    .advise("dkms install hibjump, or --module FILE"));
  return std::move(modules.back());
}

Result<std::vector<std::byte>> build_initramfs(const PreloadOptions& options, const std::string& folder,
                                               Preload& preload) {
  TRY(auto modules, read_modules(folder, options.drivers));
  TRY(auto jump_module, read_jump_module(options, folder));
  modules.push_back(std::move(jump_module));
  Initramfs initramfs;
  initramfs.add_character_device("dev/console", 0600, 5, 1);
  TRY_OK(initramfs.add_this_program("init"));
  for (std::size_t i = 0; i < modules.size(); ++i) {
    initramfs.add_file(fmt::format("{}/{:03}-{}.ko", kModuleFolder, i, modules[i].name), modules[i].content,
                       0600);
    preload.modules.push_back(modules[i].name);
  }
  initramfs.add_file(kConfigPath, options.config, 0600);
  return initramfs.finish();
}

}  // namespace

Result<Preload> prepare_preload(const PreloadOptions& options) {
  const std::string path = options.kernel.empty() ? kernel_file(read_machine("").release) : options.kernel;
  Preload preload;
  TRY(preload.kernel, BzImage::read(path, options.progress));
  TRY(preload.initramfs,
      build_initramfs(options,
                      options.modules.empty() ? modules_folder(preload.kernel.release) : options.modules,
                      preload));
  preload.command_line = fmt::format("{}{} {}", inherited_command_line(), kAlways, options.append);
  preload.acpi_rsdp = acpi_rsdp();
  return preload;
}

}  // namespace hib::jump
