#include "cli/diff.h"

#include "cli/progress.h"
#include "cli/render_devices.h"
#include "cli/render_json.h"
#include "cli/render_text.h"
#include "lib/device/match.h"

namespace hib::cli {
namespace {

struct Difference {
  std::optional<DiffReport> memory;           // nothing where a side has none
  std::optional<device::Comparison> devices;  // nothing where a side has no records of them

  bool identical() const {
    return (!memory || memory->identical()) && (!devices || devices->nothing_changed());
  }
};

Result<DiffReport> compare_memory(const Context& context, const DiffSide& a, const DiffSide& b) {
  ProgressLine progress(context, "diff");
  PipelineOptions options;
  options.threads = context.options.threads;
  options.salvage = context.options.salvage;
  options.progress = progress.callback();
  return diff(*a.image, *b.image, options);
}

Result<Difference> compare(const Context& context, const DiffSide& a, const DiffSide& b) {
  Difference difference;
  if (a.devices && b.devices) difference.devices = device::match(*a.devices, *b.devices);
  if (a.image && b.image) {
    TRY(difference.memory, compare_memory(context, a, b));
  } else if (!difference.devices) {
    return fail(make_error(ErrorKind::Unsupported, "devices", "no device records",
                           "an image or a probe that has them")
                    .of(a.devices ? b.path : a.path));
  }
  return difference;
}

Json json_of(const Difference& difference, const DiffSide& a, const DiffSide& b) {
  Json document;
  if (difference.memory) {
    document = json_of_diff(*difference.memory, a.image->info(), b.image->info());
  } else {
    document = json_document("diff");
    document["a"] = a.json();
    document["b"] = b.json();
    document["identical"] = false;
    document["pages"] = nullptr;
    document["ranges"] = nullptr;
  }
  document["identical"] = difference.identical();
  // A side without records: the same shape, and nothing in it.
  document["devices_compared"] = difference.devices.has_value();
  document["devices"] = difference.devices ? json_of_comparison(*a.devices, *b.devices, *difference.devices)
                                           : json_of_comparison({}, {}, {});
  return document;
}

void print(const Context& context, const Difference& difference, const DiffSide& a, const DiffSide& b) {
  std::ostream& out = context.streams.out;
  if (difference.memory) {
    print_diff(out, context.out_style, *difference.memory, a.image->info(), b.image->info());
  } else {
    out << "A " << a.path << " (" << a.format << ")\nB " << b.path << " (" << b.format << ")\n";
  }
  if (difference.devices) {
    print_comparison(out, context.out_style, *a.devices, *b.devices, *difference.devices);
  } else if (a.devices || b.devices) {
    out << "devices are not compared: " << (a.devices ? "B" : "A") << " has no records of them\n";
  } else {
    out << "devices are not compared: neither side has records of them\n";
  }
}

}  // namespace

void DiffVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ =
      program.add_subcommand("diff", "compare the memory and the devices of two images of any two formats");
  app_->add_option("A", a_, "an image, or a file that probe wrote")->required();
  app_->add_option("B", b_, "another one");
  app_->add_flag("--against-running", against_running_, "compare the devices with those of this machine");
  app_->add_option("--root", root_,
                   "with --against-running: the machine whose /proc and /sys lie below this folder")
      ->type_name("DIR");
  app_->add_flag("--salvage", common.salvage, "compare what is whole; lost pages are counted as unreadable");
  add_input_options(*app_, common);
  app_->footer(
      "Exit code 0: identical memory and devices, as far as can be told; 1: they differ, 2: could not "
      "compare.\n"
      "Examples:\n"
      "  hibtool diff before.hib after.hib          # by stored page hashes: nothing is decompressed\n"
      "  hibtool diff crash.hib vmcore              # two formats\n"
      "  hibtool diff monday.json tuesday.json      # devices that two probes recorded\n"
      "  hibtool diff crash.hib --against-running   # are the devices still the same?\n"
      "  hibtool diff -f auto,raw crash.hib memory.raw");
}

Result<DiffSide> DiffVerb::second_side(const Context& context) const {
  if (against_running_ != b_.empty()) {
    return fail(make_error(ErrorKind::Usage, "B",
                           against_running_ ? "an image beside --against-running" : "missing",
                           "a second image, or --against-running"));
  }
  if (!against_running_ && !root_.empty())
    return fail(
        make_error(ErrorKind::Usage, "--root", "without --against-running", "--against-running --root DIR"));
  if (against_running_) return machine_side(root_);
  return open_side(context, b_, 1);
}

int DiffVerb::run(const Context& context) const {
  const auto a = open_side(context, a_, 0);
  if (!a) return context.report(a.error());
  const auto b = second_side(context);
  if (!b) return context.report(b.error());
  const auto difference = compare(context, *a, *b);
  if (!difference) return context.report(difference.error());
  if (context.options.json) {
    print_json(context.streams.out, json_of(*difference, *a, *b));
  } else if (!context.options.quiet) {
    print(context, *difference, *a, *b);
  }
  return difference->identical() ? kDone : kNo;
}

}  // namespace hib::cli
