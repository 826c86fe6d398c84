#include "lib/jump/boot/load.h"

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/boot/load_plan.h"
#include "lib/jump/module/iomem.h"

namespace hib::jump {
namespace {

// "PHYSICAL-ADDRESS SIZE", both in hexadecimal.
Result<MemoryRange> vmcoreinfo_note() {
  std::ifstream file("/sys/kernel/vmcoreinfo");
  MemoryRange note;
  if (!(file >> std::hex >> note.start >> note.bytes))
    return fail(make_error(ErrorKind::Unsupported, "/sys/kernel/vmcoreinfo", "nothing to read",
                           "a kernel with CONFIG_VMCORE_INFO"));
  return note;
}

// Writes, and reads back what was written. What the region held before must not show through where zeros
// belong.
class Loader {
 public:
  Loader(const Device& device, const LoadPlan& plan, const UnpackProgress& progress)
      : device_(device), progress_(progress), zeros_(kPieceBytes), read_back_(kPieceBytes) {
    for (const Segment& segment : plan.segments) total_ += segment.memory_bytes;
  }

  Result<void> load(const Segment& segment) {
    for (std::uint64_t done = 0; done < segment.memory_bytes;) {
      const bool is_content = done < segment.bytes.size();
      const ByteView rest = is_content ? segment.bytes.subspan(done) : ByteView(zeros_);
      const std::uint64_t most =
          is_content ? kPieceBytes : std::min(kPieceBytes, segment.memory_bytes - done);
      const ByteView piece = rest.first(std::min<std::uint64_t>(rest.size(), most));
      TRY_OK(write(segment.address + done, piece));
      done += piece.size();
      done_ += piece.size();
      if (progress_) progress_("load saver", done_, total_);
    }
    return {};
  }

 private:
  static constexpr std::uint64_t kPieceBytes = 1U << 20;

  Result<void> write(std::uint64_t address, ByteView bytes) {
    TRY_OK(device_.write(address, bytes));
    const MutableBytes seen = MutableBytes(read_back_).first(bytes.size());
    TRY_OK(device_.read(address, seen));
    if (std::equal(seen.begin(), seen.end(), bytes.begin())) return {};
    return fail(make_error(ErrorKind::Io, "crash region", "other bytes than were written").at(address));
  }

  const Device& device_;
  const UnpackProgress& progress_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::byte> zeros_;
  std::vector<std::byte> read_back_;
};

}  // namespace

Result<LoadedSaver> load_saver(const Device& device, const SaverOptions& options) {
  TRY(const auto info, device.info());
  if (info.armed) TRY_OK(device.disarm());
  TRY(auto preload, prepare_preload(options.preload));
  LoadedSaver report;
  report.region = info.region;
  report.kernel = preload.kernel.path;
  report.release = preload.kernel.release;
  report.modules = preload.modules;
  report.initramfs_bytes = preload.initramfs.size();
  report.command_line = preload.command_line;

  LoadRequest request;
  request.region = info.region;
  request.firmware_map = options.firmware_map;
  TRY(request.ram, read_memory_ranges(kSystemRam));
  TRY(const auto vmcoreinfo, vmcoreinfo_note());
  request.notes = {vmcoreinfo, {info.note, kPageBytes}};
  request.command_line = preload.command_line;
  request.acpi_rsdp = preload.acpi_rsdp;
  TRY(const auto plan, plan_load(request, preload.kernel, std::move(preload.initramfs)));
  Loader loader(device, plan, options.preload.progress);
  for (const Segment& segment : plan.segments) TRY_OK(loader.load(segment));

  TRY_OK(device.arm({plan.entry, plan.boot_params, plan.low_copy, plan.low, options.id, plan.standby_low_copy,
                     std::move(request.ram)}));
  return report;
}

}  // namespace hib::jump
