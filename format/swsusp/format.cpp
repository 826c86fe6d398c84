#include "format/swsusp/format.h"

#include "format/swsusp/acceptance.h"
#include "format/swsusp/carve/carve.h"
#include "format/swsusp/image_record.h"
#include "format/swsusp/reader.h"
#include "format/swsusp/rearm.h"
#include "format/swsusp/swapped_plan.h"
#include "format/swsusp/writer.h"

namespace hib::swsusp {
namespace {

constexpr FormatName kDialects[] = {{"uswsusp", "uswsusp hibernation image"},
                                    {"tuxonice", "TuxOnIce hibernation image"}};
constexpr std::string_view kCodecs[] = {"lzo", "lz4", "none"};

Result<std::unique_ptr<PageSink>> write_into(const std::string& path, const ImageReader& source,
                                             const WriteOptions& options) {
  TRY(auto plan, plan_stream(source));
  TRY(auto swapped, plan_swapped(source, options.without_swapped));
  TRY(auto target, SwapTarget::open(path, plan.record, swapped.used,
                                    {options.swap_offset, options.by_extents, options.force}));
  return make_swap_writer(std::move(target), std::move(plan), swapped.pages, options.codec);
}

Result<std::unique_ptr<PageSink>> write_snapshot(Output& output, const ImageReader& source,
                                                 const WriteOptions&) {
  TRY(const auto plan, plan_stream(source));
  return make_snapshot_writer(output, plan);
}

Result<std::vector<Layer>> accept(const Record& record, const Machine& machine) {
  TRY(const auto image, decode_image_record(record));
  return check_acceptance(image, machine);
}

}  // namespace

constinit const Format kSwapFormat = {
    .name = "swsusp",
    .title = "hibernation image",
    .dialects = kDialects,
    .recognise = recognise_swap,
    .open = open_swap,
    .takes_swap_offset = true,
    .write_into = write_into,
    .codecs = kCodecs,
    .is_resumed_from = true,
    .record_type = kSwsuspRecord,
    .accept = accept,
    .rearm = put_signature_back,
    .carve = carve,
    .is_worth_carving = seems_to_hold_images,
};

constinit const Format kSnapshotFormat = {
    .name = "snapshot",
    .title = "hibernation snapshot",
    .recognise = recognise_snapshot,
    .open = open_snapshot,
    .write = write_snapshot,
    .is_resumed_from = true,
};

}  // namespace hib::swsusp
