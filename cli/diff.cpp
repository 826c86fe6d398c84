#include "lib/ops/diff.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/device/device_record.h"
#include "lib/device/match/match.h"
#include "lib/device/probe/await.h"
#include "lib/report/difference.h"
#include "lib/report/records_file.h"

namespace hib::cli {
namespace {

using report::Difference;

// What is compared, and what it says of itself.
struct Input {
  report::Side side;
  std::unique_ptr<ImageReader> image;  // null where there is no memory to compare
};

// Input number `position` of the command line.
Result<Input> open_input(const Context& context, const std::string& path, std::size_t position) {
  Input input;
  input.side.path = printable(path);
  const std::string format = context.format_for(position);
  if (format.empty() || format == kAutoFormat) {
    TRY(const auto records, report::read_probe_file(path));
    if (records) {
      input.side.format = "probe";
      TRY(input.side.devices, device::devices_in(*records, path));
      return input;
    }
  }
  TRY(input.image, context.open(path, position));
  input.side.image = input.image->info();
  input.side.format = input.side.image->format;
  TRY(input.side.devices, device::devices_in(input.image->records(), path));
  return input;
}

// This machine, or the one whose /proc and /sys lie below `root`.
Result<Input> machine(const std::string& root) {
  Input input;
  input.side.path = root.empty() ? "this machine" : printable(root);
  input.side.format = "machine";
  TRY(input.side.devices, device::devices_here(root));
  return input;
}

std::vector<ImageInfo> images_of(const Input& before, const Input& now) {
  std::vector<ImageInfo> images;
  for (const Input* input : {&before, &now}) {
    if (input->side.image) images.push_back(*input->side.image);
  }
  return images;
}

Result<DiffReport> compare_memory(const Context& context, const Input& before, const Input& now) {
  PipelineOptions options;
  options.threads = context.options.threads;
  options.salvage = context.options.salvage;
  options.may_salvage = true;
  options.progress = context.progress("diff");
  return diff(*before.image, *now.image, options);
}

Result<Difference> compare(const Context& context, const Input& before, const Input& now) {
  Difference difference;
  const auto& a = before.side.devices;
  const auto& b = now.side.devices;
  if (a && b) difference.devices = device::match(*a, *b);
  if (before.image && now.image) {
    TRY(difference.memory, compare_memory(context, before, now));
  } else if (!difference.devices) {
    return fail(make_error(ErrorKind::Unsupported, "devices", "no device records",
                           "an image or a probe that has them")
                    .of(a ? now.side.path : before.side.path));
  }
  return difference;
}

class DiffVerb final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    app.add_option("BEFORE", before_, "an image, or a file that probe wrote")->required();
    app.add_option("NOW", now_, "another image or file of a probe, to compare with it");
    app.add_flag("--against-running", against_running_, "compare the devices with those of this machine");
    app.add_option("--root", root_,
                   "with --against-running: the machine whose /proc and /sys lie below this folder")
        ->type_name("DIR");
    app.add_flag("--salvage", common.salvage,
                 "go on past damage: compare what is whole, and count lost pages as unreadable");
    add_input_options(app, common, formats);
    app.footer(
        "Exit code 0: the memory and the devices are identical, as far as can be told; 1: they differ; 2: "
        "could not compare.\n"
        "Examples:\n"
        "  hibtool diff monday.hib tuesday.hib        # by stored page hashes: nothing is decompressed\n"
        "  hibtool diff crash.hib vmcore              # two formats\n"
        "  hibtool diff monday.json tuesday.json      # devices that two probes recorded\n"
        "  hibtool diff crash.hib --against-running   # are the devices still the same?\n"
        "  hibtool diff -f auto,raw crash.hib memory.raw");
  }

  int run(const Context& context) const override {
    const auto before = open_input(context, before_, 0);
    if (!before) return context.report(before.error());
    const auto now = second_input(context);
    if (!now) return context.report(now.error());
    const auto all_used = context.refuse_unused_options(images_of(*before, *now));
    if (!all_used) return context.report(all_used.error());
    const auto difference = compare(context, *before, *now);
    if (!difference) return context.report(difference.error());
    if (context.options.json)
      context.document(report::json_of_difference(*difference, before->side, now->side));
    if (context.shows_text())
      report::print_difference(context.streams.out, context.out_style, *difference, before->side, now->side);
    return difference->identical() ? kDone : kNo;
  }

 private:
  Result<Input> second_input(const Context& context) const {
    if (against_running_ != now_.empty()) {
      return fail(make_error(ErrorKind::Usage, "NOW",
                             against_running_ ? "an image beside --against-running" : "missing",
                             "a second image or --against-running"));
    }
    if (!against_running_ && !root_.empty()) {
      return fail(make_error(ErrorKind::Usage, "--root", "without --against-running",
                             "--against-running --root DIR"));
    }
    return against_running_ ? machine(root_) : open_input(context, now_, 1);
  }

  std::string before_;
  std::string now_;
  bool against_running_ = false;
  std::string root_;
};

}  // namespace

std::unique_ptr<Verb> make_diff() { return std::make_unique<DiffVerb>(); }

}  // namespace hib::cli
