#include "lib/jump/restore/resume.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/memory_record.h"
#include "lib/jump/records.h"
#include "lib/jump/restore/check.h"
#include "lib/jump/restore/devices.h"
#include "lib/jump/restore/history.h"
#include "lib/jump/restore/processor.h"
#include "lib/jump/target.h"
#include "lib/os/path_advice.h"

namespace hib::jump {
namespace {

// ---- checks that change nothing

Result<void> check_pages_are_whole(const JumpImage& image) {
  const std::uint64_t unreadable = image.reader->info().pages.unreadable;
  if (unreadable == 0) return {};
  return fail(make_error(ErrorKind::Corrupt, "pages",
                         fmt::format("{} that could not be read when it was made", grouped(unreadable)),
                         "none")
                  .of(image.path()));
}

Result<MachinePages> pages_of(const JumpImage& image) {
  MachinePages pages;
  TRY(const auto runs, image.reader->runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) break;
    append(pages.ram, *run);
    if (run->is_present()) append(pages.used, *run);
  }
  return pages;
}

Result<void> check_all_is_there(const JumpImage& image, const std::vector<MemoryRange>& ram) {
  const Record* record = find_record(image.reader->records(), kMemoryRecord);
  if (record == nullptr) return {};
  TRY(const MemoryRecord memory, decode_memory_record(*record));
  return check_coverage(memory.ram, image.context.region, ram);
}

Result<void> check_memory(const JumpImage& image, const std::vector<MemoryRange>& ram,
                          const std::vector<MemoryMapEntry>& map) {
  const auto read = [&](std::uint64_t address, MutableBytes out) {
    return image.reader->read_page(address / kPageBytes, out);
  };
  auto checked = check_memory_map(map, recorded_memory_map(image.reader->records()));
  if (checked) checked = check_places(image.context, ram, map);
  if (checked) checked = check_all_is_there(image, ram);
  if (checked) checked = check_entry(image.context, ram, read);
  if (!checked) return fail(std::move(checked).error().of(image.path()));
  return {};
}

// A file lies on a file system that the machine still has mounted. The restorer must not mount it too.
Result<void> check_is_device(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(with_path_advice(system_error("stat", errno).of(path)));
  if (S_ISBLK(status.st_mode)) return {};
  return fail(
      make_error(ErrorKind::Refused, "image", "not a block device", "the device that hibernate wrote to")
          .advise("of an image in a file: the device that it lies on, and --offset, as arm printed them")
          .of(path));
}

bool processor_has(std::string_view flag) {
  std::ifstream file("/proc/cpuinfo");
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  return text.find(fmt::format(" {}", flag)) != std::string::npos;
}

// The jump keeps the restorer's depth of page tables, 4 or 5 levels. The image must have the same.
Result<void> check_paging(const JumpImage& image) {
  const bool here = processor_has("la57");
  if (here == image.context.five_levels) return {};
  const auto levels = [](bool five) { return five ? "5 levels" : "4 levels"; };
  return fail(make_error(ErrorKind::Refused, "page tables", fmt::format("{} here", levels(here)),
                         fmt::format("{}, as in the image", levels(image.context.five_levels)))
                  .of(image.path())
                  .advise(here ? "boot with no5lvl" : "boot without no5lvl"));
}

// An image of an older hibtool has none of them.
void note_missing_records(const ResumeRequest& request, const JumpImage& image) {
  const std::string does_not_say = printable(request.device) + ": does not say which ";
  const auto& records = image.reader->records();
  if (find_record(records, kProcessorRecord) == nullptr)
    request.note(does_not_say + "processor its machine had; it is not compared");
  if (find_record(records, kMemoryRecord) == nullptr)
    request.note(does_not_say + "memory its machine had; whether it has all of it is not known");
}

bool accepts(const ResumeRequest& request, std::string_view token) {
  return std::find(request.accepted.begin(), request.accepted.end(), token) != request.accepted.end();
}

// Adds the token of --accept that was needed.
Result<void> compare_hardware(const ResumeRequest& request, const JumpImage& image, const Machine& here,
                              std::vector<std::string>& overridden) {
  const auto told =
      check_hardware(image.jump.hardware_signature, here.hardware_signature, processor_has("hypervisor"));
  if (told && !told->empty()) request.note(printable(request.device) + ": " + *told);
  if (told) return {};
  if (!accepts(request, kAcceptHardware)) return fail(Error(told.error()).of(request.device));
  overridden.emplace_back(kAcceptHardware);
  return {};
}

// Returns the token of --accept that was needed, or none.
Result<std::vector<std::string>> compare_processor(const ResumeRequest& request, const JumpImage& image,
                                                   std::vector<ProcessorDifference>& refused) {
  std::vector<std::string> overridden;
  const Record* record = find_record(image.reader->records(), kProcessorRecord);
  if (record == nullptr) return overridden;
  auto saved = decode_processor_record(*record);
  if (!saved) return fail(std::move(saved).error().of(image.path()));
  const auto device = Device::open();
  const auto info = device ? device->info() : Result<DeviceInfo>(fail(device.error()));
  TRY(const Processor here, this_processor(info ? &*info : nullptr));
  refused = compare_processors(*saved, here);
  if (refused.empty()) return overridden;
  if (!accepts(request, kAcceptProcessor)) return fail(error_of(refused.front(), request.device));
  refused.clear();
  overridden.emplace_back(kAcceptProcessor);
  return overridden;
}

Result<void> compare_devices(const ResumeRequest& request, const JumpImage& image, DeviceCheck& devices,
                             std::vector<std::string>& overridden) {
  DeviceCheckRequest check;
  check.image = request.device;
  check.id = image.context.id;
  check.records = &image.reader->records();
  check.snapshot_ns = image.context.suspended_ns;
  check.accepted = request.accepted;
  check.wait_seconds = request.wait_seconds;
  TRY(devices, check_devices(check));
  if (!devices.is_recorded) {
    request.note(printable(request.device) +
                 ": does not say which devices its machine had; they are not compared");
  }
  overridden.insert(overridden.end(), devices.overridden.begin(), devices.overridden.end());
  for (const std::string& token : request.accepted) {
    if (std::find(overridden.begin(), overridden.end(), token) != overridden.end()) continue;
    request.note(fmt::format("--accept {}: nothing here that would need it", printable(token)));
  }
  if (!devices.refusals.empty()) return fail(error_of(devices.refusals.front(), request.device));
  return {};
}

Result<void> note_attempt(const AreaOperations& areas, const File& file,
                          const std::vector<std::string>& overridden) {
  TRY_OK(areas.append_history(file, Phase::ResumeAttempted, clock_ns(), ""));
  for (const std::string& token : overridden) {
    TRY_OK(areas.append_history(file, Phase::Overridden, clock_ns(), token));
  }
  return {};
}

// A target without an image, or with one that is of the past, is an ordinary boot, not a fault.
Result<void> check_something_is_there(const Formats& formats, const File& file, bool force) {
  const Format& format = formats.with_areas();
  TRY(const auto head, file.read_at(0, std::min<std::uint64_t>(file.size(), kFormatHeadBytes)));
  const auto history = format.areas->read_history(file);
  const std::string why = history ? why_nothing_there(*history, force) : "";
  if (format.recognise({head, file.size()}) && why.empty()) return {};
  const std::string nothing = "nothing to go back to";
  return fail(
      make_error(ErrorKind::NotRecognised, "", why.empty() ? nothing : nothing + ": " + why).of(file.path()));
}

// Cheap checks come first. The last step notes the attempt in the image.
Result<WayBack> prepare(const Formats& formats, const ResumeRequest& request, NotResumed& refused,
                        DeviceCheck& devices) {
  const AreaOperations& areas = *formats.with_areas().areas;
  TRY_OK(check_is_device(request.device));
  TRY(const auto file, open_image_file(areas, request));
  auto there = check_something_is_there(formats, *file, request.force);
  refused.nothing_there = !there && there.error().kind == ErrorKind::NotRecognised;
  TRY_OK(std::move(there));
  TRY(const auto history, areas.read_history(*file));
  TRY_OK(check_history(history, request.device, request.force));
  TRY(const auto image, open_jump_image(formats, request.device, request.offset));
  const Machine here = read_machine("");
  note_missing_records(request, image);
  TRY(auto overridden, compare_processor(request, image, refused.processor));
  TRY_OK(compare_hardware(request, image, here, overridden));
  TRY_OK(check_paging(image));
  TRY_OK(check_pages_are_whole(image));
  TRY(const auto pages, pages_of(image));
  TRY_OK(check_memory(image, pages.ram, here.memory_map));
  TRY_OK(compare_devices(request, image, devices, overridden));
  TRY(auto way, prepare_way_back(request, image, pages, here));
  TRY_OK(note_attempt(areas, *file, overridden));
  return way;
}

}  // namespace

NotResumed resume(const Formats& formats, const ResumeRequest& request) {
  NotResumed end;
  DeviceCheck devices;
  const auto way = prepare(formats, request, end, devices);
  if (!way) {
    end.error = way.error();
    end.refusals = std::move(devices.refusals);
    return end;
  }
  request.note(printable(request.device) + ": verified; going back into it");
  end.error = go_back(*formats.with_areas().areas, request, *way);
  return end;
}

}  // namespace hib::jump
