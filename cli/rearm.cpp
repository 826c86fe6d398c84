#include "cli/rearm.h"

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/ops/rearm.h"
#include "lib/report/rearm.h"

namespace hib::cli {
namespace {

class Rearm final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("IMAGE", image_, "a swap area with a consumed hibernation image")->required();
    add_rearm_options(app, options_);
    add_input_options(app, common, formats);
    app.footer(
        "Every file system that the machine had mounted has to be found, as the machine left it: on the disk "
        "of IMAGE,\n"
        "or on one that --device names.\n"
        "Exit code 0: armed, or could be; 4: refused, with every reason.\n"
        "Examples:\n"
        "  hibtool rearm /dev/sda3            # after a failed resume: could it be tried again?\n"
        "  hibtool rearm /dev/sda3 --device /dev/nvme0n1 --yes\n"
        "  hibtool rearm /dev/sda3 --against laptop.hib --yes");
  }

  int run(const Context& context) const override {
    const auto fits = not_with(*verb_, "--against", {"--trust-swapped-pages"});
    return fits ? run_rearm(context, image_, options_) : context.report(fits.error());
  }

 private:
  const CLI::App* verb_ = nullptr;
  std::string image_;
  RearmOptions options_;
};

}  // namespace

void add_rearm_options(CLI::App& app, RearmOptions& options) {
  app.add_flag("--yes", options.yes, "write the signature; without --yes nothing is written");
  app.add_option("--against", options.against,
                 "a .hib copy of IMAGE: proves the swapped-out pages, which have no checksum")
      ->type_name("COPY.hib");
  app.add_flag("--trust-swapped-pages", options.trust_swapped,
               "take the swapped-out pages as they are, without proof");
  app.add_option("--device", options.devices, "a disk with file systems that the machine had mounted")
      ->type_name("DISK")
      ->allow_extra_args(false);
}

int run_rearm(const Context& context, const std::string& image, const RearmOptions& options) {
  RearmRequest request;
  const auto open = context.open_options();
  if (!open) return context.report(open.error());
  request.image = image;
  request.format = context.format_for(0);
  request.open = *open;
  request.devices = options.devices;
  request.against = options.against;
  request.trust_swapped = options.trust_swapped;
  request.write = options.yes;
  request.threads = context.options.threads;
  request.progress = context.progress("rearm");
  const auto report = rearm(context.formats, request);
  request.progress = {};
  if (!report) return context.report(report.error());
  if (context.options.json) context.document(report::json_of_rearm(*report));
  if (context.shows_text()) report::print_rearm(context.streams.out, context.out_style, *report);
  if (report->possible() || report->armed_already) return kDone;
  context.line(printable(image) + ": not armed: " + report::refusals_of(*report));
  return kRefused;
}

std::unique_ptr<Verb> make_rearm() { return std::make_unique<Rearm>(); }

}  // namespace hib::cli
