#include "lib/jump/restore/way_back.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <future>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/boot/kernel_files.h"
#include "lib/jump/boot/kernel_modules.h"
#include "lib/jump/boot/kexec.h"
#include "lib/jump/boot/saver_config.h"
#include "lib/jump/restore/memory.h"
#include "lib/jump/target.h"

namespace hib::jump {
namespace {

constexpr unsigned kRestoreTimeout = 120;  // seconds without progress

// ---- straight

// The straight way needs the kernel that saved the image, its module, and room for the machine's pages beside
// the restorer's. Where one of them is missing, the way through the saver still works.
Result<Device> make_room(const JumpImage& image, const std::vector<MemoryRange>& pages, const Machine& here) {
  const auto& saved_by = image.jump.saved_by;
  if (!saved_by || saved_by->release != here.release || saved_by->version != here.version) {
    return fail(make_error(ErrorKind::Refused, "kernel", here.release + " " + here.version,
                           "the one that saved the image"));
  }
  TRY(auto device, Device::open());
  TRY_OK(device.stage(image.context.region, pages));
  return device;
}

// Verifies while it loads: pages by their hashes, all other bytes by check_structure().
Result<void> load_here(const ResumeRequest& request, const JumpImage& image,
                       const std::vector<MemoryRange>& ram, const Device& stage) {
  StructureCheck structure = image.reader->check_structure();
  if (!structure.damage.empty()) return fail(std::move(structure.damage.front().error));
  TRY_OK(fill_stage(image, stage, ram, request.progress("load")));
  return stage.staged();
}

Error enter_staged(const AreaOperations& areas, const ResumeRequest& request, const WayBack& way) {
  const auto file = open_image_file(areas, request);
  if (!file) return file.error();
  for (const Phase phase : {Phase::Loaded, Phase::JumpedBack}) {
    if (const auto noted = areas.append_history(**file, phase, clock_ns(), ""); !noted) return noted.error();
  }
  const Error error = way.stage->return_to_machine(way.context, Outcome::Restored, "");
  static_cast<void>(areas.append_history(**file, Phase::Failed, clock_ns(), error.line()));
  return error;
}

// ---- through the saver

// Checks the hash of every byte, without unpacking pages. The saver unpacks them later, and checks them then.
Result<void> check_integrity(const ResumeRequest& request, const JumpImage& image) {
  const auto progress = request.progress("verify");
  return image.reader->check_bytes([&](std::uint64_t done, std::uint64_t total) { progress({done, total}); });
}

Result<std::vector<std::string>> drivers_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  return modules_driving(major(status.st_rdev), minor(status.st_rdev), "");
}

// The kernel that saved the image: it is known to work on this machine, and agrees with the machine's module
// about the context. Any other one must be named by --kernel.
Result<std::string> kernel_of(const JumpImage& image) {
  const auto& saved_by = image.jump.saved_by;
  if (!saved_by || saved_by->release.empty() || saved_by->release.find('/') != std::string::npos) {
    return fail(not_a_jump_image(image.path(), "no kernel that saved"));
  }
  const std::string path = kernel_file(saved_by->release);
  if (::access(path.c_str(), R_OK) == 0) return path;
  return fail(make_error(ErrorKind::Refused, "kernel",
                         fmt::format("{} is not here; this is {}", printable(path), read_machine("").release),
                         "the kernel that saved the image")
                  .of(image.path())
                  .advise("install it, or name another one with --kernel"));
}

Result<void> check_kernel_build(const JumpImage& image, const BzImage& kernel) {
  const auto& saved_by = image.jump.saved_by;
  if (!saved_by || kernel.version.find(saved_by->version) != std::string::npos) return {};
  return fail(make_error(ErrorKind::Refused, "kernel build", printable(kernel.version),
                         printable(saved_by->version) + ", which saved the image")
                  .of(kernel.path)
                  .advise("--kernel takes one all the same"));
}

SaverConfig config_for(const ResumeRequest& request, const JumpImage& image,
                       const std::vector<MemoryRange>& ram) {
  SaverConfig config;
  config.context = image.context.address;
  config.restore = image.context.id;
  config.memory = memory_of_machine(ram, image.context.region);
  config.target_head = request.offset * kAreaHeadBytes;
  config.timeout_seconds = kRestoreTimeout;
  config.allow_untested = image.jump.untested_series || image.jump.untested_machine;
  return config;
}

Result<LoadPlan> plan(const ResumeRequest& request, const JumpImage& image, std::vector<MemoryRange> ram,
                      const std::vector<MemoryMapEntry>& map) {
  PreloadOptions options = request.preload;
  TRY(options.drivers, drivers_of(request.device));
  options.drivers.push_back(kWatchdogModule);
  options.config = encode(config_for(request, image, ram));
  if (options.kernel.empty()) {
    TRY(options.kernel, kernel_of(image));
  }
  TRY(auto preload, prepare_preload(options));
  if (request.preload.kernel.empty()) TRY_OK(check_kernel_build(image, preload.kernel));
  LoadRequest load;
  load.region = image.context.region;
  load.firmware_map = map;
  load.ram = std::move(ram);
  load.command_line = preload.command_line;
  load.acpi_rsdp = preload.acpi_rsdp;
  return plan_load(load, preload.kernel, std::move(preload.initramfs));
}

Result<void> load_saver_by_kexec(const ResumeRequest& request, const JumpImage& image,
                                 const std::vector<MemoryRange>& ram,
                                 const std::vector<MemoryMapEntry>& map) {
  // In parallel with unpacking the kernel.
  auto integrity = std::async(std::launch::async, [&] { return check_integrity(request, image); });
  const auto load = plan(request, image, ram, map);
  TRY_OK(integrity.get());
  if (!load) return fail(load.error());
  return kexec_load(*load);
}

Error enter_saver() {
  const Error error = kexec_enter();
  kexec_unload();
  return error;
}

}  // namespace

Result<std::shared_ptr<const File>> open_image_file(const AreaOperations& areas,
                                                    const ResumeRequest& request) {
  TRY(const auto device, File::open(request.device));
  return areas.open(device, request.offset * kAreaHeadBytes);
}

Result<WayBack> prepare_way_back(const ResumeRequest& request, const JumpImage& image,
                                 const MachinePages& pages, const Machine& here) {
  WayBack way;
  way.context = image.context.address;
  std::string why_not_straight;
  if (request.preload.kernel.empty()) {
    auto stage = make_room(image, pages.used, here);
    if (stage) {
      TRY_OK(load_here(request, image, pages.ram, *stage));
      way.stage = std::move(*stage);
      return way;
    }
    why_not_straight = "not straight from this one: " + stage.error().line();
    request.note("through the saver, " + why_not_straight);
  }
  auto loaded = load_saver_by_kexec(request, image, pages.ram, here.memory_map);
  if (loaded) return way;
  // A quiet boot shows no notes.
  if (!why_not_straight.empty()) loaded.error().found += "; " + why_not_straight;
  return fail(std::move(loaded.error()));
}

Error go_back(const AreaOperations& areas, const ResumeRequest& request, const WayBack& way) {
  return way.stage ? enter_staged(areas, request, way) : enter_saver();
}

}  // namespace hib::jump
