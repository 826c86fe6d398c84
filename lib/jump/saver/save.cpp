#include "lib/jump/saver/save.h"

#include <vector>

#include "lib/jump/memory_record.h"
#include "lib/jump/module/page_map.h"
#include "lib/jump/records.h"
#include "lib/jump/saver/marks.h"
#include "lib/ops/convert.h"

namespace hib::jump {
namespace {

constexpr const char* kMemory = "/proc/vmcore";
constexpr unsigned kSecondsForMarks = 5;  // for disks with file systems beside the target

// What of the machine's memory is not read.
struct LeftOut {
  PageMap skipped;  // must not be read
  PageMap unused;
};

Result<LeftOut> pages_to_leave_out(const SaveRequest& request, const Device& device) {
  const auto read = [&](std::uint64_t address, MutableBytes out) { return device.read(address, out); };
  LeftOut out;
  TRY(out.skipped, read_page_map(request.context->skip_map, read));
  if (!request.config->free_pages) {
    TRY(out.unused, read_page_map(request.context->free_map, read));
  }
  return out;
}

// /proc/vmcore shows what the saver was told of when it was loaded. Nothing has been written yet.
Result<void> check_all_is_there(const SaveRequest& request, const MemoryRecord& memory) {
  TRY(const auto vmcore, request.formats->open(kMemory, "elf", {}));
  TRY(const auto seen, ram_in(*vmcore));
  auto checked = check_coverage(memory.ram, request.context->region, seen);
  if (!checked) return fail(std::move(checked).error().of(kMemory).advise("hibtool arm again"));
  return {};
}

// Arming has left a record, even where leaving has not.
Result<void> complete_memory_record(const SaveRequest& request, std::vector<Record>& records,
                                    const PageMap& skipped) {
  Record* record = find_record(records, kMemoryRecord);
  if (record == nullptr)
    return fail(make_error(ErrorKind::Corrupt, "records", "no record \"memory\"", "one"));
  TRY(MemoryRecord memory, decode_memory_record(*record));
  TRY_OK(check_all_is_there(request, memory));
  memory.offline_pages = skipped.offline;
  memory.poisoned_pages = skipped.poisoned;
  *record = encode(memory);
  return {};
}

std::vector<Record> records_for(const SaveRequest& request, const Device& device) {
  std::vector<Record> records = request.config->records;
  if (const std::string missing = add_left_records(records, device, *request.context); !missing.empty()) {
    request.note("records: " + missing);
  }
  if (const auto added = add_registers(records, device, request.config->note); !added) {
    request.note("registers: " + added.error().line());
  }
  if (const auto added = add_saved_by(records, request.has_stood_by); !added)
    request.note("records: " + added.error().line());
  add_saver_marks(records, kSecondsForMarks, request.alive);
  return records;
}

Result<void> save_image(const SaveRequest& request, const ClaimedTarget& target) {
  TRY(const auto device, Device::open());
  ConvertRequest conversion;
  conversion.source = kMemory;
  conversion.output = target.device;
  conversion.output_window = target.area.places;
  conversion.as = &request.formats->with_areas();
  conversion.write.level = request.config->level;
  TRY(const LeftOut left_out, pages_to_leave_out(request, device));
  conversion.open.unused = pages_of_both(left_out.skipped.pages, left_out.unused.pages);
  conversion.added_records = records_for(request, device);
  TRY_OK(complete_memory_record(request, conversion.added_records, left_out.skipped));
  conversion.progress = [&](const Progress&) { request.alive(); };
  TRY(conversion.write.history, target.areas->read_history(*target.image));
  TRY_OK(convert(*request.formats, conversion));
  return {};
}

// Reads the image back from the disk, and checks every hash.
Result<void> verify_image(const SaveRequest& request, const ClaimedTarget& target) {
  target.image->drop_cache();
  OpenOptions options;
  options.swap_offset = target.area.head_page();
  TRY(const auto image, request.formats->open(target.device, request.formats->with_areas().name, options));
  PipelineOptions work;
  work.progress = [&](const Progress&) { request.alive(); };
  TRY_OK(run_pipeline(*image, nullptr, work));
  return {};
}

}  // namespace

Result<void> save(const SaveRequest& request, const ClaimedTarget& target) {
  TRY_OK(target.note(Phase::DevicesSuspended, "", request.context->suspended_ns));
  TRY_OK(target.note(Phase::Jumped));
  TRY_OK(target.note(Phase::Saving));
  TRY_OK(save_image(request, target));
  TRY_OK(target.note(Phase::Committed));
  if (!request.config->verify) return {};
  TRY_OK(verify_image(request, target));
  return target.note(Phase::Verified);
}

}  // namespace hib::jump
