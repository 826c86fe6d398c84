#include "cli/report_option.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/device/device_record.h"
#include "lib/device/probe/await.h"
#include "lib/ops/compare.h"
#include "lib/ops/shared_pages.h"
#include "lib/report/difference.h"
#include "lib/report/html/difference.h"
#include "lib/report/html/shared_pages.h"
#include "lib/report/records_file.h"
#include "lib/report/shared_pages.h"

namespace hib::cli {
namespace {

// Input number `position` of the command line.
Result<Side> open_side(const Context& context, const std::string& path, std::size_t position) {
  Side side;
  side.path = printable(path);
  const std::string format = context.format_for(position);
  if (format.empty() || format == kAutoFormat) {
    TRY(const auto records, report::read_probe_file(path));
    if (records) {
      side.format = "probe";
      TRY(side.devices, device::devices_in(*records, path));
      return side;
    }
  }
  TRY(side.image, context.open(path, position));
  side.format = side.image->info().format;
  TRY(side.devices, device::devices_in(side.image->records(), path));
  return side;
}

// This machine, or the one whose /proc and /sys lie below `root`.
Result<Side> machine_side(const std::string& root) {
  Side side;
  side.path = root.empty() ? "this machine" : printable(root);
  side.format = "machine";
  TRY(side.devices, device::devices_here(root));
  return side;
}

class DiffVerb final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("BEFORE", before_, "an image, or a file that probe wrote")->required();
    app.add_option("NOW", now_, "another image or file of a probe, to compare with it");
    app.add_option("MORE", more_,
                   "further images: how many pages do all of them have in common, two by two?");
    app.add_flag("--against-running", against_running_, "compare the devices with those of this machine");
    app.add_option("--root", root_,
                   "with --against-running: the machine whose /proc and /sys lie below this folder")
        ->type_name("DIR");
    app.add_flag("--salvage", common.salvage,
                 "go on past damage: compare what is whole, and count lost pages as unreadable");
    report_.add_to(app);
    add_input_options(app, common, formats);
    app.footer(
        "Exit code 0: the memory and the devices are identical, as far as can be told; 1: they differ; 2: "
        "could not compare. Of more than two images 0: the matrix is there.\n"
        "Examples:\n"
        "  hibtool diff monday.hib tuesday.hib        # by stored page hashes: nothing is decompressed\n"
        "  hibtool diff crash.hib vmcore              # two formats\n"
        "  hibtool diff monday.json tuesday.json      # devices that two probes recorded\n"
        "  hibtool diff crash.hib --against-running   # are the devices still the same?\n"
        "  hibtool diff -f auto,raw crash.hib memory.raw\n"
        "  hibtool diff guests/*.hib                  # which images share most pages?\n"
        "  hibtool diff --report diff.html monday.hib tuesday.hib");
  }

  int run(const Context& context) const override {
    const auto fits = check_options();
    if (!fits) return context.report(fits.error());
    auto inputs = more_;
    inputs.insert(inputs.end(), {before_, now_, root_});
    auto file = report_.open(context, std::move(inputs));
    if (!file) return context.report(file.error());
    const auto code = more_.empty() ? show_difference(context, *file) : show_matrix(context, *file);
    if (!code) return context.report(code.error());
    if (context.shows_text()) file->print_place(context.streams.out, false);
    return *code;
  }

 private:
  Result<int> show_difference(const Context& context, report::ReportFile& file) const {
    TRY(const auto before, open_side(context, before_, 0));
    TRY(const auto now, second_side(context));
    TRY_OK(context.refuse_unused_options(images_of(before, now)));
    TRY(const auto difference, compare(before, now, options_of(context)));
    TRY_OK(file.publish([&] { return report::html_of_difference(difference, before, now); }));
    if (context.options.json) context.document(report::json_of_difference(difference, before, now));
    if (context.shows_text())
      report::print_difference(context.streams.out, context.out_style, difference, before, now);
    return difference.identical() ? kDone : kNo;
  }

  static PipelineOptions options_of(const Context& context) {
    PipelineOptions options;
    options.threads = context.options.threads;
    options.salvage = context.options.salvage;
    options.may_salvage = true;
    options.progress = context.progress("diff");
    return options;
  }

  // Before the report is begun.
  Result<void> check_options() const {
    const auto wrong = [](const char* where, const char* found, const char* allowed) {
      return fail(make_error(ErrorKind::Usage, where, found, allowed));
    };
    if (!more_.empty() && against_running_)
      return wrong("--against-running", "together with several images", "one image");
    if (against_running_ && !now_.empty())
      return wrong("NOW", "an image beside --against-running", "a second image or --against-running");
    if (!against_running_ && now_.empty())
      return wrong("NOW", "missing", "a second image or --against-running");
    if (verb_->count("--root") > 0 && (root_.empty() || !against_running_))
      return wrong("--root", root_.empty() ? "empty" : "without --against-running",
                   "--against-running --root DIR");
    return {};
  }

  Result<Side> second_side(const Context& context) const {
    return against_running_ ? machine_side(root_) : open_side(context, now_, 1);
  }

  Result<SharedPagesReport> shared_pages(const Context& context) const {
    std::vector<std::string> paths = {before_, now_};
    paths.insert(paths.end(), more_.begin(), more_.end());
    SharedPages pages;
    std::vector<ImageInfo> opened;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      TRY(const auto image, context.open(paths[i], i));  // one after the other: each is closed again
      opened.push_back(image->info());
      TRY_OK(pages.add(*image, options_of(context)));
    }
    TRY_OK(context.refuse_unused_options(opened));
    return std::move(pages).report();
  }

  Result<int> show_matrix(const Context& context, report::ReportFile& file) const {
    TRY(const auto report, shared_pages(context));
    TRY_OK(file.publish([&] { return report::html_of_shared_pages(report); }));
    if (context.options.json) context.document(report::json_of_shared_pages(report));
    if (context.shows_text()) report::print_shared_pages(context.streams.out, context.out_style, report);
    return report.damage.empty() ? kDone : kPartial;
  }

  const CLI::App* verb_ = nullptr;
  std::string before_;
  std::string now_;
  std::vector<std::string> more_;
  bool against_running_ = false;
  std::string root_;
  ReportOption report_;
};

}  // namespace

std::unique_ptr<Verb> make_diff() { return std::make_unique<DiffVerb>(); }

}  // namespace hib::cli
