#include "cli/verify.h"

#include "cli/progress.h"
#include "cli/render_json.h"
#include "cli/render_text.h"
#include "format/swsusp/acceptance.h"
#include "lib/ops/verify.h"
#include "lib/os/machine.h"

namespace hib::cli {

void VerifyVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("verify", "prove an image, layer by layer, and say what cannot be proven");
  app_->add_option("IMAGE", images_, "the images; - is standard input")->required();
  app_->add_flag("--against-running", against_running_, "hibernation image: would this machine accept it?");
  app_->add_option("--root", root_,
                   "with --against-running: a folder with the /proc, /sys and /lib of another machine")
      ->type_name("DIR");
  add_input_options(*app_, common);
  app_->footer(
      "Exit code 0: nothing wrong (the verdict says whether the format can prove it), 1: damaged, 2: could "
      "not look.\n"
      "Examples:\n"
      "  hibtool verify crash.hib\n"
      "  hibtool verify --against-running /dev/sda3   # would this kernel on this machine resume from it?\n"
      "  hibtool verify --json *.hib | jq -r '.path + \" \" + .verdict'");
}

Result<std::vector<Layer>> VerifyVerb::acceptance_layers(const ImageReader& image) const {
  const Record* record = find_record(image.records(), swsusp::kSwsuspRecord);
  if (record == nullptr) {
    return fail(make_error(ErrorKind::Usage, "--against-running", image.info().format,
                           "a hibernation image, or one made from it")
                    .of(image.info().path));
  }
  TRY(const auto decoded, swsusp::decode_image_record(*record));
  return swsusp::check_acceptance(decoded, read_machine(root_));
}

// One document each, one after the other, as jq and friends read them.
int VerifyVerb::verify_one(const Context& context, const std::string& path, std::size_t position,
                           bool& first) const {
  const auto image = context.open_for_look(path, true, position);
  if (!image) return context.report(image.error());
  auto report = [&] {
    ProgressLine progress(context, "verify");
    return verify(**image, context.options.threads, progress.callback());
  }();
  if (!report) return context.report(report.error());
  if (against_running_) {
    const auto layers = acceptance_layers(**image);
    if (!layers) return context.report(layers.error());
    report->acceptance = *layers;
  }
  std::ostream& out = context.streams.out;
  if (context.options.json) {
    print_json(out, json_of_verify(*report, (*image)->info()));
  } else if (!context.options.quiet) {
    if (!first) out << "\n";
    print_verify(out, context.out_style, *report, (*image)->info());
  }
  first = false;
  return report->verdict == Verdict::Damaged || !report->acceptable() ? kNo : kDone;
}

// Several images: the worst answer counts; "could not look" is worse than "damaged".
int VerifyVerb::run(const Context& context) const {
  int worst = kDone;
  bool first = true;
  for (std::size_t i = 0; i < images_.size(); ++i) {
    worst = std::max(worst, verify_one(context, images_[i], i, first));
    if (worst >= kSignal) break;
  }
  return worst;
}

}  // namespace hib::cli
