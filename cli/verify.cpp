#include "lib/ops/verify.h"
#include "cli/verb.h"
#include "lib/ops/accept.h"
#include "lib/os/machine.h"
#include "lib/report/text.h"

namespace hib::cli {
namespace {

class VerifyVerb final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    app.add_option("IMAGE", images_, "the images; - is standard input")->required();
    app.add_flag("--against-running", against_running_, "hibernation image: would this machine accept it?");
    app.add_option("--root", root_,
                   "with --against-running: a folder with the /proc, /sys and /lib of another machine")
        ->type_name("DIR");
    add_input_options(app, common, formats);
    app.footer(
        "Exit code 0: nothing is wrong (the verdict says whether the format can prove that); 1: damaged, or "
        "would not be\n"
        "accepted; 2: could not look.\n"
        "Examples:\n"
        "  hibtool verify crash.hib\n"
        "  hibtool verify --against-running /dev/sda3   # would this kernel on this machine resume from it?\n"
        "  hibtool verify --json *.hib | jq -r '(.path // .file) + \": \" + (.verdict // .kind)'");
  }

  // Several images: the worst answer counts; "could not look" is worse than "damaged".
  int run(const Context& context) const override {
    const auto machine = check_machine();
    if (!machine) return context.report(machine.error());
    int worst = kDone;
    std::vector<ImageInfo> opened;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      worst = std::max(worst, verify_one(context, i, opened));
      if (worst >= kSignal) break;
    }
    return worst;
  }

 private:
  Result<void> check_machine() const {
    if (root_.empty()) return {};
    if (against_running_) return check_machine_root(root_);
    return fail(
        make_error(ErrorKind::Usage, "--root", "without --against-running", "--against-running --root DIR"));
  }

  Result<VerifyReport> check(const Context& context, const ImageReader& image) const {
    TRY(auto report, verify(image, context.options.threads, context.progress("verify")));
    if (against_running_) {
      TRY(report.acceptance, check_acceptance(context.formats, image, read_machine(root_)));
    }
    return report;
  }

  // One document each, one after the other, as jq and friends read them.
  int verify_one(const Context& context, std::size_t position, std::vector<ImageInfo>& opened) const {
    const auto image = context.open_for_look(images_[position], true, position);
    if (!image) return context.report(image.error());
    opened.push_back((*image)->info());
    if (opened.size() == images_.size()) {
      const auto all_used = context.refuse_unused_options(opened);
      if (!all_used) return context.report(all_used.error());
    }
    const auto report = check(context, **image);
    if (!report) return context.report(report.error());
    if (context.options.json) context.document(report::json_of_verify(*report, (*image)->info()));
    if (context.shows_text()) {
      if (position > 0) context.streams.out << "\n";
      report::print_verify(context.streams.out, context.out_style, *report, (*image)->info());
    }
    return report->verdict == Verdict::Damaged || !report->acceptable() ? kNo : kDone;
  }

  std::vector<std::string> images_;
  bool against_running_ = false;
  std::string root_;
};

}  // namespace

std::unique_ptr<Verb> make_verify() { return std::make_unique<VerifyVerb>(); }

}  // namespace hib::cli
