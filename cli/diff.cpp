#include "cli/diff.h"

#include "cli/progress.h"
#include "cli/render_json.h"
#include "cli/render_text.h"
#include "lib/ops/diff.h"

namespace hib::cli {

void DiffVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("diff", "compare the memory in two images of any two formats");
  app_->add_option("A", a_, "one image")->required();
  app_->add_option("B", b_, "the other")->required();
  app_->add_flag("--salvage", common.salvage, "compare what is whole; lost pages are counted as unreadable");
  add_input_options(*app_, common);
  app_->footer(
      "Exit code 0: identical memory, 1: it differs, 2: could not compare.\n"
      "Examples:\n"
      "  hibtool diff before.hib after.hib          # by stored page hashes: nothing is decompressed\n"
      "  hibtool diff crash.hib vmcore              # two formats\n"
      "  hibtool diff -f auto,raw crash.hib memory.raw");
}

int DiffVerb::run(const Context& context) const {
  const auto a = context.open(a_, 0);
  if (!a) return context.report(a.error());
  const auto b = context.open(b_, 1);
  if (!b) return context.report(b.error());
  const auto report = [&] {
    ProgressLine progress(context, "diff");
    PipelineOptions options;
    options.threads = context.options.threads;
    options.salvage = context.options.salvage;
    options.progress = progress.callback();
    return diff(**a, **b, options);
  }();
  if (!report) return context.report(report.error());
  if (context.options.json) {
    print_json(context.streams.out, json_of_diff(*report, (*a)->info(), (*b)->info()));
  } else if (!context.options.quiet) {
    print_diff(context.streams.out, context.out_style, *report, (*a)->info(), (*b)->info());
  }
  return report->identical() ? kDone : kNo;
}

}  // namespace hib::cli
