#include "cli/restore_jump.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "cli/jump_image.h"
#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/render_json.h"
#include "cli/restore_devices.h"
#include "cli/way_back.h"
#include "lib/base/text.h"
#include "lib/jump/restore_check.h"
#include "lib/os/machine.h"

namespace hib::cli {
namespace {

using container::Phase;
using jump::MemoryRange;

constexpr unsigned kMaxAttempts = 2;  // an image that makes a machine reboot must not do so for ever

// ---- what can be checked before anything happens

Result<void> check_history(const File& image, bool force) {
  TRY(const auto crumbs, container::read_breadcrumbs(image));
  const std::string& path = image.path();
  const auto is = [](const auto& crumb, Phase phase) {
    return crumb.phase == static_cast<std::uint16_t>(phase);
  };
  const auto count = [&](Phase phase) {
    return std::count_if(crumbs.begin(), crumbs.end(), [&](const auto& crumb) { return is(crumb, phase); });
  };
  if (force) return {};
  // A jump that failed before it left is noted after it.
  const auto last = std::find_if(crumbs.rbegin(), crumbs.rend(), [&](const auto& crumb) {
    return is(crumb, Phase::JumpedBack) || is(crumb, Phase::Failed);
  });
  if (count(Phase::Resumed) > 0 || (last != crumbs.rend() && is(*last, Phase::JumpedBack))) {
    return fail(make_error(ErrorKind::Refused, "history", "the machine has gone on from here before",
                           "an image that nobody has resumed from")
                    .of(path)
                    .advise("its file systems have changed since: resuming again ruins them. --force does it "
                            "all the same"));
  }
  if (count(Phase::ResumeAttempted) >= kMaxAttempts) {
    return fail(make_error(ErrorKind::Refused, "history",
                           fmt::format("{} attempts to resume that failed", count(Phase::ResumeAttempted)),
                           fmt::format("up to {}", kMaxAttempts))
                    .of(path)
                    .advise("hibtool inspect shows how far they got; --force tries again"));
  }
  return {};
}

Result<void> check_pages_are_whole(const JumpImage& image) {
  const std::uint64_t unreadable = image.reader->info().pages.unreadable;
  if (unreadable == 0) return {};
  return fail(make_error(ErrorKind::Corrupt, "pages",
                         fmt::format("{} that could not be read when it was made", grouped(unreadable)),
                         "none")
                  .of(image.reader->info().path));
}

void add(std::vector<MemoryRange>& ranges, const PageRun& run) {
  const std::uint64_t start = run.first * jump::kPageBytes;
  const std::uint64_t bytes = run.count * jump::kPageBytes;
  if (!ranges.empty() && ranges.back().end() == start)
    ranges.back().bytes += bytes;
  else
    ranges.push_back({start, bytes});
}

Result<PlacesOfA> places_of(const JumpImage& image) {
  PlacesOfA places;
  TRY(const auto runs, image.reader->runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) break;
    add(places.ram, *run);
    if (run->is_present()) add(places.pages, *run);
  }
  return places;
}

Result<void> check_places(const JumpImage& image, const std::vector<MemoryRange>& ram,
                          const std::vector<MemoryMapEntry>& map) {
  const auto read = [&](std::uint64_t address, MutableBytes out) {
    return image.reader->read_page(address / jump::kPageBytes, out);
  };
  auto checked = jump::check_memory_map(map, recorded_memory_map(image.reader->records()));
  if (checked) checked = jump::check_places(image.context, ram, map);
  if (checked) checked = jump::check_entry(image.context, ram, read);
  if (!checked) return fail(std::move(checked).error().of(image.reader->info().path));
  return {};
}

// What lies in a file lies on a file system, which C would have to have mounted while A has it mounted too.
Result<void> check_is_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(system_error("stat", errno).of(path));
  if (S_ISBLK(status.st_mode)) return {};
  return fail(
      make_error(ErrorKind::Refused, "image", "not a block device", "the device that hibernate wrote to")
          .of(path));
}

// A and B are entered with the paging of C, and may not change it.
Result<void> check_paging(const JumpImage& image) {
  std::ifstream file("/proc/cpuinfo");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const bool here = text.find(" la57") != std::string::npos;
  if (here == image.context.five_levels) return {};
  const auto levels = [](bool five) { return five ? "5 levels" : "4 levels"; };
  return fail(make_error(ErrorKind::Refused, "page tables", fmt::format("{} here", levels(here)),
                         fmt::format("{}, as in the image", levels(image.context.five_levels)))
                  .of(image.reader->info().path)
                  .advise(here ? "boot with no5lvl" : "boot without no5lvl"));
}

Result<void> compare_devices(const Context& context, const RestoreJumpRequest& request,
                             const JumpImage& image, DeviceCheck& devices) {
  DeviceCheckRequest check;
  check.image = request.device;
  check.jump_id = jump::to_text(image.context.id);
  check.records = &image.reader->records();
  check.snapshot_ns = image.context.suspended_ns;
  check.accepted = request.accepted;
  check.wait_seconds = request.wait_seconds;
  TRY(devices, check_devices(check));
  if (!devices.is_recorded)
    context.note(fmt::format("{}: does not say which devices its machine had; they are not compared",
                             printable(request.device)));
  for (const std::string& token : request.accepted) {
    if (std::find(devices.overridden.begin(), devices.overridden.end(), token) == devices.overridden.end())
      context.note(fmt::format("--accept {}: nothing here that would need it", printable(token)));
  }
  if (!devices.refusals.empty()) return fail(error_of(devices.refusals.front(), request.device));
  return {};
}

Result<void> note_attempt(const File& place, const DeviceCheck& devices) {
  TRY_OK(container::append_breadcrumb(place, Phase::ResumeAttempted, clock_ns(), ""));
  for (const std::string& token : devices.overridden)
    TRY_OK(container::append_breadcrumb(place, Phase::Overridden, clock_ns(), token));
  return {};
}

// Cheap checks first. The last thing that is done says in the image that it was tried.
Result<WayBack> prepare(const Context& context, const RestoreJumpRequest& request, DeviceCheck& devices) {
  TRY_OK(check_is_device(request.device));
  TRY(const auto image, open_jump_image(request.device, request.offset));
  TRY(const auto place, open_place(request));
  TRY_OK(check_history(*place, request.force));
  const Machine here = read_machine("");
  TRY_OK(check_paging(image));
  TRY_OK(check_pages_are_whole(image));
  TRY(const auto places, places_of(image));
  TRY_OK(check_places(image, places.ram, here.memory_map));
  TRY_OK(compare_devices(context, request, image, devices));
  TRY(auto way, prepare_way_back(context, request, image, places, here));
  TRY_OK(note_attempt(*place, devices));
  return way;
}

// A line for each device; what accepts it is part of the line.
int report_refusals(const Context& context, const RestoreJumpRequest& request,
                    const std::vector<device::Refusal>& refusals) {
  Json document = json_of_error(error_of(refusals.front(), request.device));
  document["refusals"] = Json::array();
  for (const device::Refusal& refusal : refusals) {
    context.streams.err << context.err_style.bold("hibtool: ") << error_of(refusal, request.device).line()
                        << "\n";
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
  const auto way = prepare(context, request, devices);
  if (!way && !devices.refusals.empty()) return report_refusals(context, request, devices.refusals);
  if (!way) return context.report(way.error());
  context.note(fmt::format("{}: verified; going back into it", printable(request.device)));
  return context.report(go_back(request, *way));
}

}  // namespace hib::cli
