#include "cli/restore_jump.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <iterator>

#include <fmt/format.h>

#include "cli/jump_image.h"
#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/progress.h"
#include "cli/render_json.h"
#include "cli/restore_devices.h"
#include "format/hib/reader.h"
#include "lib/base/text.h"
#include "lib/jump/kernel_modules.h"
#include "lib/jump/kexec.h"
#include "lib/jump/restore_check.h"
#include "lib/jump/watchdog.h"
#include "lib/os/machine.h"
#include "lib/ops/verify.h"

namespace hib::cli {
namespace {

using container::Phase;
using jump::MemoryRange;

constexpr unsigned kRestoreTimeout = 120;  // seconds without progress
constexpr unsigned kMaxAttempts = 2;  // an image that makes a machine reboot must not do so for ever

// ---- what can be checked before anything happens

Result<std::shared_ptr<const File>> open_place(const RestoreJumpRequest& request) {
  TRY(const auto device, File::open(request.device));
  return container::open_area(device, request.offset * container::kAreaHeadBytes);
}

Result<void> check_history(const File& image, bool force) {
  TRY(const auto crumbs, container::read_breadcrumbs(image));
  const std::string& path = image.path();
  const auto count = [&](Phase phase) { return std::count_if(crumbs.begin(), crumbs.end(), [&](const auto& crumb) { return crumb.phase == static_cast<std::uint16_t>(phase); }); };
  if (force) return {};
  if (count(Phase::JumpedBack) + count(Phase::Resumed) > 0) {
    return fail(make_error(ErrorKind::Refused, "history", "the machine has gone on from here before", "an image that nobody has resumed from").of(path).advise("its file systems have changed since: resuming again ruins them. --force does it all the same"));
  }
  if (count(Phase::ResumeAttempted) >= kMaxAttempts) {
    return fail(make_error(ErrorKind::Refused, "history", fmt::format("{} attempts to resume that failed", count(Phase::ResumeAttempted)), fmt::format("up to {}", kMaxAttempts)).of(path).advise("hibtool inspect shows how far they got; --force tries again"));
  }
  return {};
}

// Every byte, by the hashes; that they unpack to the pages that went in is the writer's business, and B sees it again.
Result<void> check_integrity(const Context& context, const JumpImage& image) {
  const auto* reader = dynamic_cast<const container::Reader*>(image.reader.get());
  ProgressLine line(context, "verify");
  TRY_OK(reader->check_payloads([&, draw = line.callback()](std::uint64_t done, std::uint64_t total) { draw({done, total}); }));
  const PageCounts& pages = image.reader->info().pages;
  if (pages.unreadable > 0) return fail(make_error(ErrorKind::Corrupt, "pages", fmt::format("{} that could not be read when it was made", grouped(pages.unreadable)), "none").of(image.reader->info().path));
  return {};
}

// Where the image's pages go; all of it was A's RAM.
Result<std::vector<MemoryRange>> ranges_of(const JumpImage& image) {
  std::vector<MemoryRange> ranges;
  TRY(const auto runs, image.reader->runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) break;
    const std::uint64_t start = run->first * jump::kPageBytes;
    const std::uint64_t bytes = run->count * jump::kPageBytes;
    if (!ranges.empty() && ranges.back().end() == start) ranges.back().bytes += bytes;
    else ranges.push_back({start, bytes});
  }
  return ranges;
}

Result<void> check_places(const JumpImage& image, const std::vector<MemoryRange>& ranges, const std::vector<MemoryMapEntry>& map) {
  const auto read = [&](std::uint64_t address, MutableBytes out) { return image.reader->read_page(address / jump::kPageBytes, out); };
  auto checked = jump::check_memory_map(map, recorded_memory_map(image.reader->records()));
  if (checked) checked = jump::check_places(image.context, ranges, map);
  if (checked) checked = jump::check_entry(image.context, ranges, read);
  if (!checked) return fail(std::move(checked).error().of(image.reader->info().path));
  return {};
}

// B is entered with the paging of C, and may not change it.
Result<void> check_paging(const JumpImage& image) {
  std::ifstream file("/proc/cpuinfo");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const bool here = text.find(" la57") != std::string::npos;
  if (here == image.context.five_levels) return {};
  const auto levels = [](bool five) { return five ? "5 levels" : "4 levels"; };
  return fail(make_error(ErrorKind::Refused, "page tables", fmt::format("{} here", levels(here)), fmt::format("{}, as in the image", levels(image.context.five_levels)))
                  .of(image.reader->info().path)
                  .advise(here ? "boot with no5lvl" : "boot without no5lvl"));
}

Result<std::vector<std::string>> drivers_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  if (!S_ISBLK(status.st_mode)) return fail(make_error(ErrorKind::Refused, "image", "not a block device", "the device that hibernate wrote to").of(path));
  return jump::modules_driving(major(status.st_rdev), minor(status.st_rdev), "");
}

// The kernel that saved is the one that is known to work here, and to agree with the module in A about the context. Another
// one has to be asked for.
Result<std::string> kernel_of(const JumpImage& image) {
  const Record* record = find_record(image.reader->records(), kJumpRecord);
  const std::string* release = record->text("saver_release");
  if (release == nullptr || release->empty() || release->find('/') != std::string::npos) return fail(not_a_jump_image(image.reader->info().path, "no kernel that saved"));
  const std::string path = "/boot/vmlinuz-" + *release;
  if (::access(path.c_str(), R_OK) == 0) return path;
  return fail(make_error(ErrorKind::Refused, "kernel", fmt::format("{} is not here; this is {}", printable(path), read_machine("").release), "the kernel that saved the image")
                  .of(image.reader->info().path)
                  .advise("install it, or name another one with --kernel"));
}

Result<void> check_kernel_build(const JumpImage& image, const jump::BzImage& kernel) {
  const std::string* version = find_record(image.reader->records(), kJumpRecord)->text("saver_version");
  if (version == nullptr || kernel.version.find(*version) != std::string::npos) return {};
  return fail(make_error(ErrorKind::Refused, "kernel build", printable(kernel.version), printable(*version) + ", which saved the image").of(kernel.path).advise("--kernel takes one all the same"));
}

Result<jump::LoadPlan> plan(const RestoreJumpRequest& request, const JumpImage& image, std::vector<MemoryRange> ranges, const std::vector<MemoryMapEntry>& map) {
  jump::PreloadOptions options = request.preload;
  TRY(options.drivers, drivers_of(request.device));
  options.drivers.push_back(jump::kWatchdogModule);
  options.config = Json{{"context", hex(image.context.address)}, {"restore", jump::to_text(image.context.id)}, {"head", request.offset * container::kAreaHeadBytes}, {"timeout", kRestoreTimeout}}.dump();
  if (options.kernel.empty()) {
    TRY(options.kernel, kernel_of(image));
  }
  TRY(auto preload, jump::prepare_preload(options));
  if (request.preload.kernel.empty()) TRY_OK(check_kernel_build(image, preload.kernel));
  jump::LoadRequest load;
  load.region = image.context.region;
  load.firmware_map = map;
  load.ram = std::move(ranges);
  load.command_line = preload.command_line;
  load.acpi_rsdp = preload.acpi_rsdp;
  return jump::plan_load(load, preload.kernel, std::move(preload.initramfs));
}

Result<void> compare_devices(const Context& context, const RestoreJumpRequest& request, const JumpImage& image, DeviceCheck& devices) {
  DeviceCheckRequest check;
  check.image = request.device;
  check.jump_id = jump::to_text(image.context.id);
  check.records = &image.reader->records();
  check.snapshot_ns = image.context.suspended_ns;
  check.accepted = request.accepted;
  check.wait_seconds = request.wait_seconds;
  TRY(devices, check_devices(check));
  if (!devices.is_recorded) context.note(fmt::format("{}: does not say which devices its machine had; they are not compared", printable(request.device)));
  for (const std::string& token : request.accepted) {
    if (std::find(devices.overridden.begin(), devices.overridden.end(), token) == devices.overridden.end()) context.note(fmt::format("--accept {}: nothing here that would need it", printable(token)));
  }
  if (!devices.refusals.empty()) return fail(error_of(devices.refusals.front(), request.device));
  return {};
}

Result<void> note_attempt(const File& place, const DeviceCheck& devices) {
  TRY_OK(container::append_breadcrumb(place, Phase::ResumeAttempted, clock_ns(), ""));
  for (const std::string& token : devices.overridden) TRY_OK(container::append_breadcrumb(place, Phase::Overridden, clock_ns(), token));
  return {};
}

// Cheap checks first. The last thing that is done says in the image that it was tried.
Result<void> prepare(const Context& context, const RestoreJumpRequest& request, DeviceCheck& devices) {
  TRY(const auto image, open_jump_image(request.device, request.offset));
  TRY(const auto place, open_place(request));
  TRY_OK(check_history(*place, request.force));
  const auto map = read_machine("").memory_map;
  TRY_OK(check_paging(image));
  TRY(const auto ranges, ranges_of(image));
  TRY_OK(check_places(image, ranges, map));
  TRY_OK(compare_devices(context, request, image, devices));
  auto integrity = std::async(std::launch::async, [&] { return check_integrity(context, image); });  // while the kernel is unpacked
  const auto load = plan(request, image, ranges, map);
  TRY_OK(integrity.get());
  if (!load) return fail(load.error());
  TRY_OK(jump::kexec_load(*load));
  return note_attempt(*place, devices);
}

// A line for each device; what accepts it is part of the line.
int report_refusals(const Context& context, const RestoreJumpRequest& request, const std::vector<device::Refusal>& refusals) {
  Json document = json_of_error(error_of(refusals.front(), request.device));
  document["refusals"] = Json::array();
  for (const device::Refusal& refusal : refusals) {
    context.streams.err << context.err_style.bold("hibtool: ") << error_of(refusal, request.device).line() << "\n";
    Json entry = Json::object();
    entry["device"] = printable(refusal.name);
    entry["uses"] = printable(refusal.uses);
    entry["verdict"] = refusal.verdict;
    entry["expected"] = printable(refusal.expected);
    entry["found"] = printable(refusal.found);
    entry["accept"] = printable(refusal.override_token);
    document["refusals"].push_back(std::move(entry));
  }
  if (context.options.json) print_json(context.streams.out, document);
  return kRefused;
}

}  // namespace

int restore_jump(const Context& context, const RestoreJumpRequest& request) {
  DeviceCheck devices;
  const auto ready = prepare(context, request, devices);
  if (!ready && !devices.refusals.empty()) return report_refusals(context, request, devices.refusals);
  if (!ready) return context.report(ready.error());
  context.note(fmt::format("{}: verified; going back into it", printable(request.device)));
  const Error error = jump::kexec_enter();
  jump::kexec_unload();
  return context.report(error);
}

}  // namespace hib::cli
