#include "lib/report/diagnose.h"
#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/diagnose/post_mortem/post_mortem.h"
#include "lib/os/machine.h"

namespace hib::cli {
namespace {

class Diagnose final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("IMAGE", image_,
                   "the device or file that the image was written to; without it, this machine's");
    app.add_option("--log", logs_,
                   "text of dmesg, a serial console, pstore or journalctl; the oldest boot first")
        ->type_name("FILE")
        ->allow_extra_args(false);
    journal_option_ =
        app.add_option("--journal", journal_, "the journal below this folder; without DIR, this machine's")
            ->type_name("DIR")
            ->expected(0, 1);
    app.add_flag("--against-running", against_running_, "with IMAGE: would this machine accept the image?");
    app.add_option("--root", root_,
                   "a captured or mounted system: what there is of the machine is read below DIR")
        ->type_name("DIR");
    add_input_options(app, common, formats);
    app.footer(
        "Exit code 0: no failure was found; 1: one was, and the verdict says which; 2: could not look.\n"
        "Nothing is written. The codes of the verdicts: docs/diagnose.md.\n"
        "Examples:\n"
        "  hibtool diagnose                              # this machine, the morning after\n"
        "  hibtool diagnose /dev/sda3 --journal          # with what its boots have said\n"
        "  hibtool diagnose swap.img --log saving.log --log restoring.log\n"
        "  hibtool diagnose --json | jq -r .verdict.code");
  }

  int run(const Context& context) const override {
    const auto request = request_of(context);
    if (!request) return context.report(request.error());
    auto report = diagnose::post_mortem(context.formats, *request);
    if (!report) return context.report(report.error());
    if (context.options.json) context.document(report::json_of_post_mortem(*report));
    if (context.shows_text()) report::print_post_mortem(context.streams.out, context.out_style, *report);
    return report->is_failure() ? kNo : kDone;
  }

 private:
  Result<diagnose::PostMortemRequest> request_of(const Context& context) const {
    TRY_OK(not_with(*verb_, "--root", {"--against-running"}));
    diagnose::PostMortemRequest request;
    TRY(request.open, context.open_options());
    request.image = image_;
    request.format = context.format_for(0);
    request.logs = logs_;
    request.threads = context.options.threads;
    request.progress = context.progress("diagnose");
    const bool is_of_this_machine = image_.empty() && logs_.empty() && root_.empty();
    if (journal_option_->count() > 0 || is_of_this_machine) request.journal = journal_;
    if (!root_.empty()) {
      TRY_OK(check_machine_root(root_));
      request.root = root_;
    } else if (against_running_ || is_of_this_machine) {
      request.root = "";
    }
    return request;
  }

  const CLI::App* verb_ = nullptr;
  const CLI::Option* journal_option_ = nullptr;
  std::string image_;
  std::vector<std::string> logs_;
  std::string journal_;
  bool against_running_ = false;
  std::string root_;
};

}  // namespace

std::unique_ptr<Verb> make_diagnose() { return std::make_unique<Diagnose>(); }

}  // namespace hib::cli
