#include "lib/jump/saver/save.h"

#include <vector>

#include "lib/image/runs.h"
#include "lib/jump/records.h"
#include "lib/jump/saver/marks.h"
#include "lib/ops/convert.h"

namespace hib::jump {
namespace {

constexpr unsigned kSecondsForMarks = 5;  // for disks with file systems beside the target

// Runs of set bits: pages that the machine does not use. A part of the map that cannot be read counts as
// used.
Result<std::vector<PfnRange>> unused_pages(const Device& device, const MemoryRange& map) {
  std::vector<PfnRange> ranges;
  std::vector<std::byte> bits(map.bytes);
  if (bits.empty()) return ranges;
  TRY_OK(device.read(map.start, bits));
  for (Pfn pfn = 0; pfn < bits.size() * 8; ++pfn) {
    if ((std::to_integer<unsigned>(bits[pfn / 8]) >> (pfn % 8) & 1) == 0) continue;
    append_range(ranges, {pfn, 1});
  }
  return ranges;
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
  conversion.source = "/proc/vmcore";
  conversion.output = target.device;
  conversion.output_window = target.area.places;
  conversion.as = &request.formats->with_areas();
  conversion.write.level = request.config->level;
  conversion.added_records = records_for(request, device);
  conversion.progress = [&](const Progress&) { request.alive(); };
  if (!request.config->free_pages) {
    TRY(conversion.open.unused, unused_pages(device, request.context->free_map));
  }
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
