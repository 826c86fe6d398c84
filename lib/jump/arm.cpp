#include "lib/jump/arm.h"

#include <fstream>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/load_plan.h"

namespace hib::jump {
namespace {

// "PHYSICAL-ADDRESS SIZE", both in hexadecimal.
Result<MemoryRange> vmcoreinfo_note() {
  std::ifstream file("/sys/kernel/vmcoreinfo");
  MemoryRange note;
  if (!(file >> std::hex >> note.start >> note.bytes)) return fail(make_error(ErrorKind::Unsupported, "/sys/kernel/vmcoreinfo", "nothing to read", "a kernel with CONFIG_VMCORE_INFO"));
  return note;
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

Result<ArmReport> arm(const Device& device, const ArmOptions& options) {
  TRY(const auto info, device.info());
  if (info.is_b) return fail(make_error(ErrorKind::Refused, "arm", "the image-saving kernel itself", "the machine's own kernel"));
  if (info.region.bytes == 0) return fail(make_error(ErrorKind::Refused, "crash region", "none", "crashkernel=SIZE on the kernel's command line").advise("boot with crashkernel=192M"));
  if (info.crash_kernel_loaded) return fail(make_error(ErrorKind::Refused, "crash region", "a crash kernel is loaded in it", "an empty one").advise("kexec -p -u, or systemctl stop kdump-tools"));
  if (info.armed) TRY_OK(device.disarm());
  TRY(auto preload, prepare_preload(options.preload));
  ArmReport report;
  report.region = info.region;
  report.kernel = preload.kernel.path;
  report.release = preload.kernel.release;
  report.modules = preload.modules;
  report.initramfs_bytes = preload.initramfs.size();
  report.command_line = preload.command_line;

  LoadRequest request;
  request.region = info.region;
  request.firmware_map = options.firmware_map;
  TRY(request.ram, read_ram_ranges());
  TRY(const auto vmcoreinfo, vmcoreinfo_note());
  request.notes = {vmcoreinfo, {info.note, kPageBytes}};
  request.command_line = preload.command_line;
  request.acpi_rsdp = preload.acpi_rsdp;
  TRY(const auto plan, plan_load(request, preload.kernel, std::move(preload.initramfs)));
  TRY_OK(load(device, plan));

  TRY_OK(device.arm({plan.entry, plan.boot_params, plan.low_copy, plan.low, options.id}));
  return report;
}

}  // namespace hib::jump
