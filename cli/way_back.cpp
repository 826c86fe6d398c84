#include "cli/way_back.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <future>

#include <fmt/format.h>

#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/progress.h"
#include "cli/render_json.h"
#include "cli/write_memory.h"
#include "format/hib/reader.h"
#include "lib/base/text.h"
#include "lib/jump/kernel_modules.h"
#include "lib/jump/kexec.h"
#include "lib/jump/watchdog.h"

namespace hib::cli {
namespace {

using container::Phase;
using jump::MemoryRange;

constexpr unsigned kRestoreTimeout = 120;  // seconds without progress

// ---- straight

// Straight from this kernel: for the one that saved, with the module, and with room for A's pages beside its
// own. Whatever is missing, B can do it all the same.
Result<jump::Device> make_room(const JumpImage& image, const std::vector<MemoryRange>& pages,
                               const Machine& here) {
  const Record* record = find_record(image.reader->records(), kJumpRecord);
  const std::string* release = record->text("saver_release");
  const std::string* version = record->text("saver_version");
  if (release == nullptr || version == nullptr || *release != here.release || *version != here.version)
    return fail(make_error(ErrorKind::Refused, "kernel", here.release + " " + here.version,
                           "the one that saved the image"));
  TRY(auto device, jump::Device::open());
  TRY_OK(device.stage(image.context.region, pages));
  return device;
}

// Verifies as it goes: each page by its hash, and what is not pages by the structure.
Result<void> load_here(const Context& context, const JumpImage& image, const jump::Device& stage) {
  StructureCheck structure = image.reader->check_structure();
  if (!structure.damage.empty()) return fail(std::move(structure.damage.front().error));
  ProgressLine line(context, "load");
  return fill_stage(image, stage, line.callback());
}

Error enter_staged(const RestoreJumpRequest& request, const WayBack& way) {
  const auto place = open_place(request);
  if (!place) return place.error();
  for (const Phase phase : {Phase::Loaded, Phase::JumpedBack}) {
    if (const auto noted = container::append_breadcrumb(**place, phase, clock_ns(), ""); !noted)
      return noted.error();
  }
  const Error error = way.stage->return_to_a(way.context, jump::Outcome::Restored, "");
  static_cast<void>(container::append_breadcrumb(**place, Phase::Failed, clock_ns(), error.line()));
  return error;
}

// ---- through B

// Every byte, by the hashes; that they unpack to the pages that went in is the writer's business, and B sees
// it again.
Result<void> check_integrity(const Context& context, const JumpImage& image) {
  const auto* reader = dynamic_cast<const container::Reader*>(image.reader.get());
  ProgressLine line(context, "verify");
  return reader->check_payloads([&, draw = line.callback()](std::uint64_t done, std::uint64_t total) {
    draw({done, total});
  });
}

Result<std::vector<std::string>> drivers_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  return jump::modules_driving(major(status.st_rdev), minor(status.st_rdev), "");
}

// The kernel that saved is the one that is known to work here, and to agree with the module in A about the
// context. Another one has to be asked for.
Result<std::string> kernel_of(const JumpImage& image) {
  const Record* record = find_record(image.reader->records(), kJumpRecord);
  const std::string* release = record->text("saver_release");
  if (release == nullptr || release->empty() || release->find('/') != std::string::npos)
    return fail(not_a_jump_image(image.reader->info().path, "no kernel that saved"));
  const std::string path = "/boot/vmlinuz-" + *release;
  if (::access(path.c_str(), R_OK) == 0) return path;
  return fail(make_error(ErrorKind::Refused, "kernel",
                         fmt::format("{} is not here; this is {}", printable(path), read_machine("").release),
                         "the kernel that saved the image")
                  .of(image.reader->info().path)
                  .advise("install it, or name another one with --kernel"));
}

Result<void> check_kernel_build(const JumpImage& image, const jump::BzImage& kernel) {
  const std::string* version = find_record(image.reader->records(), kJumpRecord)->text("saver_version");
  if (version == nullptr || kernel.version.find(*version) != std::string::npos) return {};
  return fail(make_error(ErrorKind::Refused, "kernel build", printable(kernel.version),
                         printable(*version) + ", which saved the image")
                  .of(kernel.path)
                  .advise("--kernel takes one all the same"));
}

bool was_untested(const JumpImage& image) {
  const std::uint64_t* value = find_record(image.reader->records(), kJumpRecord)->number("untested_series");
  return value != nullptr && *value != 0;
}

Result<jump::LoadPlan> plan(const RestoreJumpRequest& request, const JumpImage& image,
                            std::vector<MemoryRange> ram, const std::vector<MemoryMapEntry>& map) {
  jump::PreloadOptions options = request.preload;
  TRY(options.drivers, drivers_of(request.device));
  options.drivers.push_back(jump::kWatchdogModule);
  options.config = Json{{"context", hex(image.context.address)},
                        {"restore", jump::to_text(image.context.id)},
                        {"head", request.offset * container::kAreaHeadBytes},
                        {"timeout", kRestoreTimeout},
                        {"allow_untested", was_untested(image)}}
                       .dump();
  if (options.kernel.empty()) {
    TRY(options.kernel, kernel_of(image));
  }
  TRY(auto preload, jump::prepare_preload(options));
  if (request.preload.kernel.empty()) TRY_OK(check_kernel_build(image, preload.kernel));
  jump::LoadRequest load;
  load.region = image.context.region;
  load.firmware_map = map;
  load.ram = std::move(ram);
  load.command_line = preload.command_line;
  load.acpi_rsdp = preload.acpi_rsdp;
  return jump::plan_load(load, preload.kernel, std::move(preload.initramfs));
}

Result<void> load_saver(const Context& context, const RestoreJumpRequest& request, const JumpImage& image,
                        const std::vector<MemoryRange>& ram, const std::vector<MemoryMapEntry>& map) {
  auto integrity = std::async(
      std::launch::async, [&] { return check_integrity(context, image); });  // while the kernel is unpacked
  const auto load = plan(request, image, ram, map);
  TRY_OK(integrity.get());
  if (!load) return fail(load.error());
  return jump::kexec_load(*load);
}

Error enter_saver() {
  const Error error = jump::kexec_enter();
  jump::kexec_unload();
  return error;
}

}  // namespace

Result<std::shared_ptr<const File>> open_place(const RestoreJumpRequest& request) {
  TRY(const auto device, File::open(request.device));
  return container::open_area(device, request.offset * container::kAreaHeadBytes);
}

Result<WayBack> prepare_way_back(const Context& context, const RestoreJumpRequest& request,
                                 const JumpImage& image, const PlacesOfA& places, const Machine& here) {
  WayBack way;
  way.context = image.context.address;
  if (request.preload.kernel.empty()) {
    auto stage = make_room(image, places.pages, here);
    if (stage) {
      TRY_OK(load_here(context, image, *stage));
      way.stage = std::move(*stage);
      return way;
    }
    context.note(
        fmt::format("through the image-saving kernel, not straight from this one: {}", stage.error().line()));
  }
  TRY_OK(load_saver(context, request, image, places.ram, here.memory_map));
  return way;
}

Error go_back(const RestoreJumpRequest& request, const WayBack& way) {
  return way.stage ? enter_staged(request, way) : enter_saver();
}

}  // namespace hib::cli
