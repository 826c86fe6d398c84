#include "lib/ops/convert.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/version.h"
#include "lib/image/forwarding_reader.h"
#include "lib/image/swapped_record.h"
#include "lib/image/unused_options.h"
#include "lib/image/vmcore_notes.h"
#include "lib/memory/kernel_search.h"
#include "lib/ops/find_kernel.h"
#include "lib/os/overlap.h"

namespace hib {
namespace {

constexpr const char* kStandardInput = "/proc/self/fd/0";

// One field after the other: when memory runs out in the middle of a nested list, GCC 12 destroys fields that
// it has not made.
void add_provenance(std::vector<Record>& records, const ImageInfo& source) {
  Record& provenance = records.emplace_back();
  provenance.type = kProvenanceRecord;
  provenance.set("tool", std::string(kToolVersion));
  provenance.set("source_format", source.format);
  provenance.set("source_variant", source.variant);
  provenance.set("source_bytes", source.file_bytes);
}

void add_machine(std::vector<Record>& records, const ImageReader& source) {
  const KernelIdentity kernel = kernel_identity(source);
  Record& machine = machine_record(records);
  if (kernel.release) machine.set("release", *kernel.release);
  if (kernel.version) machine.set("version", *kernel.version);
  if (kernel.machine) machine.set("machine", *kernel.machine);
  machine.set("page_size", std::uint64_t{source.info().page_size});
}

// What the image says of its machine, completed with what its pages say, and how this copy was made. A format
// with records of its own keeps them as they are: they are about the machine and the first saving, not about
// this copy.
std::vector<Record> records_for(const ImageReader& source, const ConvertRequest& request,
                                std::optional<OtherKernel>& other) {
  std::vector<Record> records = source.records();
  if (request.write.without_swapped)
    std::erase_if(records, [](const Record& record) { return record.type == kSwappedRecord; });
  if (source.info().format != request.as->name) {
    add_machine(records, source);
    add_provenance(records, source.info());
  }
  other = other_kernel(records, request.added_records);
  add_records(records, request.added_records);
  return records;
}

Result<void> refuse_to_write_input(const ConvertRequest& request) {
  if (request.output == "-") return {};
  std::vector<std::string> inputs = request.other_inputs;
  inputs.push_back(request.source == "-" ? kStandardInput : request.source);
  inputs.push_back(request.base);
  inputs.push_back(request.open.base_image);
  for (const std::string& path : inputs) {
    if (!may_overlap(path, request.output)) continue;
    return fail(make_error(ErrorKind::Refused, "output", "an input of this command",
                           "another file: inputs are never written")
                    .of(request.output));
  }
  return {};
}

Result<void> refuse_what_was_salvaged(const ConvertRequest& request, const ImageReader& source) {
  if (!request.as->is_resumed_from || find_record(source.records(), kSalvagedRecord) == nullptr) return {};
  return fail(make_error(ErrorKind::Refused, "source", "saved from a damaged image with --salvage",
                         "an image without loss: a kernel would resume into broken memory")
                  .of(request.source));
}

Result<void> refuse_salvage_for_a_kernel(const Formats& formats, const ConvertRequest& request) {
  if (!request.as->is_resumed_from || !request.open.salvage) return {};
  std::vector<std::string_view> others;
  for (const Format* format : formats.rows()) {
    if (format->is_written() && !format->is_resumed_from) others.push_back(format->name);
  }
  return fail(
      make_error(ErrorKind::Refused, "--salvage", "an image that a kernel would resume from",
                 fmt::format("--as {}: nobody should resume into broken memory", fmt::join(others, ", ")))
          .of(request.output));
}

// What only a pass over all pages tells.
struct Afterwards {
  std::optional<memory::KernelSearch> search;  // for the kernel, where nothing says which it is
  std::optional<Record> machine;               // what is known of it without the search
  std::optional<SecondLook> look;              // of a source that changes
  std::optional<Seen> seen;

  void add(const PageBatch& batch, std::uint32_t page_size) {
    if (search) search->add(batch, page_size);
    if (look) look->add(batch);
  }
  std::vector<Record> records(const ImageReader& source);
};

std::vector<Record> Afterwards::records(const ImageReader& source) {
  std::vector<Record> records;
  if (machine) records.push_back(*machine);
  if (search) {
    search->finish(source).add_to(records);
    const std::vector<Record> found = records;
    add_machine(records, WithRecords(source, found));
  }
  if (look) {
    seen = look->look(source);
    Record& live = records.emplace_back();
    live.type = kLiveRecord;
    live.set("sampled_pages", seen->pages);
    live.set("changed_pages", seen->changed);
  }
  return records;
}

// A conversion under way. What the sink refers to lives as long as the sink.
struct Conversion {
  std::unique_ptr<ImageReader> source;
  Afterwards after;
  std::unique_ptr<ImageReader> base;
  std::unique_ptr<Output> output;  // none where the format writes into something that exists
  std::unique_ptr<PageSink> sink;
  std::optional<OtherKernel> other_kernel;  // of the added records
};

// What is known of the machine waits for what the search finds.
void put_off_machine(Afterwards& after, std::vector<Record>& records) {
  const Record* machine = find_record(records, kMachineRecord);
  if (machine == nullptr) return;
  after.machine = *machine;
  records.erase(records.begin() + (machine - records.data()));
}

// Of what the source is opened with, an address, an offset or a passphrase is not the base's.
Result<void> open_base(const Formats& formats, const ConvertRequest& request, Conversion& conversion) {
  if (request.base.empty()) return {};
  OpenOptions open;
  open.salvage = request.open.salvage;
  open.base_image = request.open.base_image;
  TRY(conversion.base, formats.open_whole(request.base, "", open));
  return {};
}

WriteOptions write_options(const ConvertRequest& request, Conversion& conversion) {
  WriteOptions options = request.write;
  if (request.as->keeps_records)
    options.records = records_for(*conversion.source, request, conversion.other_kernel);
  if (conversion.after.search) put_off_machine(conversion.after, options.records);
  options.late_records = [&conversion] { return conversion.after.records(*conversion.source); };
  if (conversion.base == nullptr) return options;
  options.base = conversion.base.get();
  options.base_name = std::filesystem::path(request.base).filename().string();
  return options;
}

Result<void> open_output(const ConvertRequest& request, Conversion& conversion) {
  if (request.as->write_into != nullptr) {
    TRY(conversion.sink, request.as->write_into(request.output, *conversion.source, request.write));
    return {};
  }
  TRY(conversion.output, request.output_window.empty()
                             ? Output::create(request.output, request.write.force)
                             : Output::create_window(request.output, request.output_window, true));
  TRY(conversion.sink,
      request.as->write(*conversion.output, *conversion.source, write_options(request, conversion)));
  return {};
}

// By the account that a hibernation image has of its machine's swap areas.
std::optional<std::uint64_t> missing_slots(const ConvertRequest& request, const ImageReader& source) {
  if (!request.as->keeps_swapped || request.write.without_swapped || source.swapped_pages() != nullptr)
    return 0;
  if (const auto areas = swap_areas_in(source.records())) return swapped_out(*areas);
  const bool may_miss = source.info().has_finding(kSwapAreaEndUnknown);
  return may_miss ? std::nullopt : std::optional<std::uint64_t>(0);
}

}  // namespace

bool ConvertReport::is_partial() const {
  return !damage.empty() || missing_pages > 0 || (pages.unreadable > 0 && !marks_lost_pages);
}

void give_offset_to_output(const Formats& formats, ConvertRequest& request) {
  if (!request.open.swap_offset || request.write.swap_offset || request.as->write_into == nullptr) return;
  OpenOptions by_content = request.open;
  by_content.swap_offset.reset();
  by_content.salvage = true;
  const auto source = formats.open(request.source, request.source_format, by_content);
  if (!source || formats.reader_of((*source)->info().format)->takes_swap_offset) return;
  request.write.swap_offset = std::exchange(request.open.swap_offset, std::nullopt);
}

Result<ConvertReport> convert(const Formats& formats, const ConvertRequest& request) {
  Conversion conversion;
  TRY(conversion.source, formats.open_whole(request.source, request.source_format, request.open));
  TRY_OK(open_base(formats, request, conversion));
  std::vector<ImageInfo> images = {conversion.source->info()};
  if (conversion.base != nullptr) images.push_back(conversion.base->info());
  TRY_OK(refuse_unused(formats, request.open, images));
  TRY_OK(refuse_to_write_input(request));
  TRY_OK(refuse_salvage_for_a_kernel(formats, request));
  TRY_OK(refuse_what_was_salvaged(request, *conversion.source));
  if (request.as->keeps_notes) {
    TRY(conversion.source, find_kernel(std::move(conversion.source), request.threads, request.progress));
  }
  if (request.as->keeps_records && vmcoreinfo_of(conversion.source->records()) == nullptr)
    conversion.after.search.emplace();
  if (request.is_live) conversion.after.look.emplace();
  TRY_OK(open_output(request, conversion));
  // Nothing may be short of memory once the output is there: what the report takes is taken before.
  ConvertReport report;
  report.source = conversion.source->info();
  report.other_kernel = std::move(conversion.other_kernel);
  report.damage = report.source.damage;
  report.missing_slots = missing_slots(request, *conversion.source);
  PipelineOptions options;
  options.threads = request.threads;
  options.with_swapped = request.as->keeps_swapped && !request.write.without_swapped;
  options.salvage = request.open.salvage;
  options.may_salvage = !request.as->is_resumed_from && request.output_window.empty();
  options.progress = request.progress;
  options.inspect = [&](const PageBatch& batch) -> Result<void> {
    conversion.after.add(batch, conversion.source->info().page_size);
    return {};
  };
  TRY(const PipelineResult result, run_pipeline(*conversion.source, conversion.sink.get(), options));
  report.pages = result.pages;
  report.missing_pages = result.missing_pages;
  report.marks_lost_pages = request.as->marks_lost_pages;
  report.content_digest = result.content_digest;
  report.live = conversion.after.seen;
  for (Damage& damage : result.all_damage()) report.damage.push_back(std::move(damage));
  if (request.describe) report.written = conversion.sink->report();
  return report;
}

}  // namespace hib
