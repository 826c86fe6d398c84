#include "cli/replay.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "cli/progress.h"
#include "cli/render_json.h"
#include "cli/render_text.h"
#include "format/elf/writer.h"
#include "format/hib/reader.h"
#include "format/kdump/writer.h"
#include "format/lime/writer.h"
#include "format/raw/writer.h"
#include "format/swsusp/writer.h"
#include "lib/base/text.h"
#include "lib/image/vmcore_notes.h"

namespace hib::cli {
namespace {

struct Replay {
  std::unique_ptr<ImageReader> source;
  std::unique_ptr<ImageReader> base;
  std::unique_ptr<Output> output;
  std::unique_ptr<PageSink> sink;
  container::WriterStatistics statistics;
  swsusp::StreamPlan plan;  // swsusp, snapshot
  std::unique_ptr<swsusp::SwapTarget> target;
  swsusp::WriterStatistics swap_statistics;
  PipelineResult result;
};

// Fields of a record that is there already are added to it.
void add_records(std::vector<Record>& records, const std::vector<Record>& added) {
  for (const Record& record : added) {
    const auto it =
        std::find_if(records.begin(), records.end(), [&](const Record& r) { return r.type == record.type; });
    if (it == records.end()) {
      records.push_back(record);
      continue;
    }
    for (const Field& field : record.fields) it->set(field.name, field.value);
  }
}

// What the image says of its machine, completed with what its pages say, and how this copy was made. Records
// of a .hib are kept as they are: they are about the machine and the first saving, not about this copy.
Result<std::vector<Record>> records_for(const ImageReader& source, const ReplayRequest& request) {
  std::vector<Record> records = source.records();
  if (source.info().format != "hib") {
    const KernelIdentity kernel = kernel_identity(source);
    if (find_record(records, kMachineRecord) == nullptr)
      records.insert(records.begin(), Record{std::string(kMachineRecord), 1, {}});
    Record& machine = *std::find_if(records.begin(), records.end(),
                                    [](const Record& r) { return r.type == kMachineRecord; });
    if (kernel.release) machine.set("release", *kernel.release);
    if (kernel.version) machine.set("version", *kernel.version);
    if (kernel.machine) machine.set("machine", *kernel.machine);
    machine.set("page_size", std::uint64_t{source.info().page_size});
    // One field after the other: when memory runs out in the middle of a nested list, GCC 12 destroys fields
    // that it has not made.
    Record& provenance = records.emplace_back();
    provenance.type = kProvenanceRecord;
    provenance.set("tool", std::string("hibtool " HIBTOOL_VERSION));
    provenance.set("source_format", source.info().format);
    provenance.set("source_variant", source.info().variant);
    provenance.set("source_bytes", source.info().file_bytes);
  }
  add_records(records, request.added_records);
  if (request.records.empty()) return records;
  TRY(const auto file, File::open(request.records));
  TRY(const auto text, file->read_at(0, std::min<std::uint64_t>(file->size(), kMaxRecordBytes)));
  TRY(const auto added, records_from_json(std::string(as_text(text)), request.records));
  add_records(records, added);
  return records;
}

Result<container::WriterOptions> writer_options(const Context& context, const ReplayRequest& request,
                                                Replay& replay) {
  container::WriterOptions options;
  options.level = request.level;
  options.breadcrumbs = request.breadcrumbs;
  options.chunk_pages =
      std::clamp<std::uint32_t>(request.chunk_kib * 1024 / replay.source->info().page_size, 1, 1024);
  if (request.base.empty()) return options;
  TRY(replay.base, context.open(request.base));
  const auto* base = dynamic_cast<const container::Reader*>(replay.base.get());
  if (base == nullptr)
    return fail(
        make_error(ErrorKind::Usage, "--base", replay.base->info().format, "a .hib image").of(request.base));
  if (base->info().page_size != replay.source->info().page_size) {
    return fail(make_error(ErrorKind::WrongBase, "--base",
                           fmt::format("pages of {} bytes", base->info().page_size),
                           fmt::format("{}, as in the source", replay.source->info().page_size))
                    .of(request.base));
  }
  options.base = base;
  options.base_root = base->root_hash();
  options.base_name = std::filesystem::path(request.base).filename().string();
  return options;
}

// Into a swap area that exists; not an Output, which makes new files.
Result<std::unique_ptr<PageSink>> make_swap_sink(const Context& context, const ReplayRequest& request,
                                                 Replay& replay) {
  TRY(replay.plan, swsusp::plan_stream(*replay.source));
  swsusp::SwapTarget::Options options;
  options.force = request.force;
  options.by_extents = request.by_extents;
  // --offset is the source's, where the source is a swap area itself.
  const std::string& offset = !request.target_offset.empty()             ? request.target_offset
                              : replay.source->info().format == "swsusp" ? request.target_offset
                                                                         : context.options.swap_offset;
  if (!offset.empty()) {
    TRY(options.offset, parse_number(offset, "--target-offset"));
  }
  TRY(replay.target, swsusp::SwapTarget::open(request.output, replay.plan.record, options));
  return swsusp::make_swap_writer(*replay.target, replay.plan, request.codec, replay.swap_statistics);
}

Result<std::unique_ptr<PageSink>> make_sink(const Context& context, const ReplayRequest& request,
                                            Replay& replay) {
  Output& output = *replay.output;
  const ImageReader& source = *replay.source;
  if (request.as == "hib") {
    TRY(const auto options, writer_options(context, request, replay));
    TRY(auto records, records_for(source, request));
    return container::make_writer(output, source, std::move(records), options, replay.statistics);
  }
  if (request.as == "raw") return raw::make_writer(output, source);
  if (request.as == "elf") return elf::make_writer(output, source);
  if (request.as == "lime") return lime::make_writer(output, source);
  if (request.as == "kdump") {
    TRY(const auto codec, kdump::codec_named(request.codec.empty() ? "lzo" : request.codec));
    return kdump::make_writer(output, source, codec);
  }
  if (request.as == "snapshot") {
    TRY(replay.plan, swsusp::plan_stream(source));
    return swsusp::make_snapshot_writer(output, replay.plan);
  }
  return fail(
      make_error(ErrorKind::Usage, "--as", request.as, "raw, elf, kdump, lime, swsusp, snapshot or hib"));
}

Result<void> refuse_to_write_input(const ReplayRequest& request) {
  for (const std::string& path : {request.source, request.base, request.records}) {
    if (path.empty() || path == "-") continue;
    TRY(const auto input, File::open(path));
    if (input->is_same_file(request.output)) {
      return fail(make_error(ErrorKind::Refused, "output", "an input of this command",
                             "another file: inputs are never written")
                      .of(request.output));
    }
  }
  return {};
}

Result<void> run_replay(const Context& context, const ReplayRequest& request, Replay& replay) {
  OpenOptions without_unused;
  without_unused.unused = request.unused;
  TRY(replay.source, request.unused.empty() ? context.open(request.source)
                                            : open_image(request.source, "elf", without_unused));
  TRY_OK(refuse_to_write_input(request));
  const bool is_for_a_kernel = request.as == "swsusp" || request.as == "snapshot";
  if (is_for_a_kernel && context.options.salvage) {
    return fail(make_error(ErrorKind::Refused, "--salvage", "an image that a kernel would resume from",
                           "--as hib, elf, kdump, lime or raw: nobody should resume into broken memory")
                    .of(request.output));
  }
  if (request.as == "swsusp") {
    TRY(replay.sink, make_swap_sink(context, request, replay));
  } else {
    TRY(replay.output, request.output_window.empty()
                           ? Output::create(request.output, request.force)
                           : Output::create_window(request.output, request.output_window, true));
    TRY(replay.sink, make_sink(context, request, replay));
  }
  ProgressLine progress(context, request.verb);
  PipelineOptions options;
  options.threads = context.options.threads;
  options.salvage = context.options.salvage;
  options.progress = [&, draw = progress.callback()](const Progress& now) {
    draw(now);
    if (request.progress) request.progress(now);
  };
  TRY(replay.result, run_pipeline(*replay.source, replay.sink.get(), options));
  return {};
}

Json json_of(const ReplayRequest& request, const Replay& replay) {
  Json document = json_document(request.verb);
  document["source"] = printable(request.source);
  document["source_format"] = replay.source->info().format;
  document["output"] = printable(request.output);
  document["format"] = request.as;
  document["pages"] = json_of_pages(replay.result.pages);
  document["content_digest"] = ContentDigest::text(replay.result.content_digest);
  if (request.as == "hib") {
    document["file_bytes"] = replay.statistics.file_bytes;
    document["root_hash"] = to_hex(replay.statistics.root_hash);
    document["stored_pages"] = replay.statistics.stored_pages;
    document["filled_pages"] = replay.statistics.filled_pages;
    document["equal_pages"] = replay.statistics.equal_pages;
    document["base_pages"] = replay.statistics.base_pages;
  }
  if (request.as == "swsusp") {
    document["codec"] = replay.swap_statistics.codec;
    document["blocks"] = replay.swap_statistics.blocks;
    document["resume_offset"] = replay.swap_statistics.header_block;
  }
  std::vector<Damage> damage = replay.source->info().damage;
  damage.insert(damage.end(), replay.result.damage.begin(), replay.result.damage.end());
  document["damage"] = json_of_damage(damage);
  return document;
}

void print_summary(std::ostream& out, const ReplayRequest& request, const Replay& replay) {
  const ImageInfo& info = replay.source->info();
  out << fmt::format("{}: {}\n", printable(request.output),
                     describe_pages(replay.result.pages, info.page_size));
  if (request.as == "hib") {
    const auto& s = replay.statistics;
    out << fmt::format("  stored {} pages ({} equal to another, {} of one byte", grouped(s.stored_pages),
                       grouped(s.equal_pages), grouped(s.filled_pages));
    if (!request.base.empty()) out << fmt::format(", {} as in the base", grouped(s.base_pages));
    out << fmt::format(") in {}", human_bytes(s.file_bytes));
    const std::uint64_t memory = replay.result.pages.present() * info.page_size;
    if (s.file_bytes > 0)
      out << fmt::format(", 1/{:.1f} of the memory",
                         static_cast<double>(memory) / static_cast<double>(s.file_bytes));
    out << "\n  root hash " << to_hex(s.root_hash) << "\n";
  }
  if (request.as == "swsusp") {
    const auto& s = replay.swap_statistics;
    out << fmt::format("  armed: {} in {} blocks{}; resume_offset {}\n", s.codec, grouped(s.blocks),
                       replay.target->place().empty() ? "" : " of " + replay.target->place(), s.header_block);
  }
  out << "  " << ContentDigest::text(replay.result.content_digest) << "\n";
}

}  // namespace

int replay(const Context& context, const ReplayRequest& request) {
  if (context.options.json && request.output == "-") {
    return context.report(make_error(ErrorKind::Usage, "--json", "standard output is the image", "-o FILE"));
  }
  Replay replay;
  const auto result = run_replay(context, request, replay);
  if (!result) return context.report(result.error());
  const std::uint64_t holes = replay.result.damage.size() + replay.source->info().damage.size();
  const PageCounts& pages = replay.result.pages;
  if (context.options.json) {
    print_json(context.streams.out, json_of(request, replay));
  } else if (!context.options.quiet) {
    print_summary(request.output == "-" ? context.streams.err : context.streams.out, request, replay);
  }
  if (pages.absent > 0 && request.as == "raw") {
    context.note(fmt::format("{}: {} pages that the source does not hold read as zeros in a raw image",
                             printable(request.output), grouped(pages.absent)));
  }
  if (holes == 0) return kDone;
  context.note(fmt::format("{}: {} broken places in the source, {} pages lost{}", printable(request.output),
                           holes, grouped(pages.unreadable),
                           request.as == "hib"
                               ? " and marked as unreadable"
                               : "; --as hib would mark them, here they read as zeros or are left out"));
  return kPartial;
}

}  // namespace hib::cli
