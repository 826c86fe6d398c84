#include "lib/report/diagnose.h"
#include "cli/option_rules.h"
#include "cli/report_option.h"
#include "cli/verb.h"
#include "lib/diagnose/post_mortem/masked.h"
#include "lib/diagnose/post_mortem/post_mortem.h"
#include "lib/diagnose/preflight/masked.h"
#include "lib/diagnose/preflight/preflight.h"
#include "lib/report/html/post_mortem.h"
#include "lib/report/html/preflight.h"
#include "lib/report/preflight.h"
#include "lib/report/records_file.h"
#include "lib/report/report_file.h"

namespace hib::cli {
namespace {

class Diagnose final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats& formats) override {
    verb_ = &app;
    app.add_option("IMAGE", request_.image,
                   "the device or file that the image was written to; without it, this machine's");
    app.add_option(
           "--log", request_.logs,
           "text of dmesg, a serial console, pstore or journalctl; once for each file, oldest boot first")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_option("--device", request_.devices, "a disk with file systems that the machine had mounted")
        ->type_name("DISK")
        ->allow_extra_args(false);
    app.add_option("--journal", journal_, "the journal below this folder; without DIR, this machine's")
        ->type_name("DIR")
        ->expected(0, 1);
    app.add_flag("--against-running", against_running_,
                 "with IMAGE or --log: this is the machine that was to resume");
    app.add_option("--root", files_.root,
                   "the machine whose files lie below DIR: a mounted system, or a captured one")
        ->type_name("DIR");
    app.add_option("--initramfs", files_.initramfs, "the initramfs of the boot that was to resume")
        ->type_name("FILE");
    app.add_option("--cmdline", files_.cmdline, "its kernel's command line, as in /proc/cmdline")
        ->type_name("FILE");
    app.add_option("--efivars", files_.efivars, "its firmware's variables, as in /sys/firmware/efi/efivars")
        ->type_name("DIR");
    app.add_option("--probe", probes_,
                   "with --preflight: what probe wrote at an earlier boot, for the firmware's memory map")
        ->type_name("FILE")
        ->allow_extra_args(false);
    app.add_flag("--preflight", preflight_, "before hibernating: would this machine come back?");
    app.add_flag("--mask", mask_, "for a bug ticket: pseudonyms in place of names, ids and addresses");
    report_.add_to(app);
    add_input_options(app, common, formats);
    app.footer(
        "Exit code 0: no failure was found, or none is foreseen; 1: one was, and the\n"
        "verdict says which; 2: could not look.\n"
        "Nothing is written. The codes of the verdicts: docs/diagnose.md.\n"
        "Examples:\n"
        "  hibtool diagnose                              # this machine, afterwards\n"
        "  hibtool diagnose --preflight                  # before it hibernates\n"
        "  hibtool diagnose /dev/sda3 --journal          # with what its boots have said\n"
        "  hibtool diagnose swap.img --log saving.log --log restoring.log\n"
        "  hibtool diagnose --mask --report ticket.html  # for a bug ticket\n"
        "  hibtool diagnose --json | jq -r .verdict.code");
  }

  int run(const Context& context) const override {
    const auto fits = check_options();
    if (!fits) return context.report(fits.error());
    return preflight_ ? run_preflight(context) : run_post_mortem(context);
  }

 private:
  Result<void> check_options() const {
    TRY_OK(not_with(*verb_, "--preflight",
                    {"IMAGE", "--device", "--against-running", "--offset", "--at", "--format",
                     "--passphrase-file", "--base-image", "--base-address", "--page-size"}));
    TRY_OK(check_given("IMAGE", request_.image));
    TRY_OK(check_given("--root", files_.root));
    TRY_OK(check_journal());
    TRY_OK(only_with(*verb_, "--preflight", {"--probe"}));
    return not_with(*verb_, "--root", {"--against-running"});
  }

  // An empty value, as of a variable that was never set, would mean this machine.
  Result<void> check_given(const char* name, const std::string& value) const {
    if (verb_->count(name) == 0 || !value.empty()) return {};
    return fail(make_error(ErrorKind::Usage, name, "empty", "a path"));
  }

  // "--journal IMAGE" would take the image for the journal.
  Result<void> check_journal() const {
    const std::filesystem::path place(journal_);
    std::error_code unknown;
    const bool is_file =
        std::filesystem::exists(place, unknown) && !std::filesystem::is_directory(place, unknown);
    if (!is_file || place.extension().string().starts_with(".journal")) return {};
    return fail(make_error(ErrorKind::Usage, "--journal", journal_, "a folder")
                    .advise("name the image first: hibtool diagnose IMAGE --journal"));
  }

  int run_preflight(const Context& context) const {
    diagnose::PreflightRequest request{files_, request_.logs, {}, {}};
    if (verb_->count("--journal") > 0) request.journal = journal_;
    const auto look = [&]() -> Result<diagnose::PreflightReport> {
      TRY(request.memory_maps, report::read_memory_maps(probes_));
      return diagnose::preflight(context.formats, request);
    };
    return answer(context, request, look, report::html_of_preflight, report::json_of_preflight,
                  report::print_preflight);
  }

  int run_post_mortem(const Context& context) const {
    auto request = request_;
    const auto open = context.open_options();
    if (!open) return say(context, request, open.error());
    request.open = *open;
    request.format = context.format_for(0);
    request.threads = context.options.threads;
    request.progress = context.progress("diagnose");
    const bool is_of_this_machine = request.image.empty() && request.logs.empty() && files_.root.empty();
    if (verb_->count("--journal") > 0 || is_of_this_machine) request.journal = journal_;
    if (against_running_ || is_of_this_machine || !inputs_of(files_).empty()) request.machine = files_;
    request.with_details = mask_ || report_.is_given();
    const auto look = [&] { return diagnose::post_mortem(context.formats, request); };
    return answer(context, request, look, report::html_of_post_mortem, report::json_of_post_mortem,
                  report::print_post_mortem);
  }

  // Those of the command that are no inputs of the work.
  std::vector<std::string> paths_of(const Context& context) const {
    auto paths = probes_;
    const std::string folder = std::filesystem::path(report_.path()).parent_path();
    paths.insert(paths.end(),
                 {context.options.passphrase_file, context.options.base_image, report_.path(), folder});
    return paths;
  }

  template <typename Request>
  int say(const Context& context, const Request& request, const Error& error) const {
    if (!mask_) return context.report(error);
    Error shown = diagnose::masked(error, request, paths_of(context));
    if (shown.advice.empty()) shown.advice = "without --mask it names the file";
    return context.report(shown);
  }

  // Looks, and says what was found in all the ways that are wanted.
  template <typename Request, typename Look, typename Page, typename Document, typename Text>
  int answer(const Context& context, const Request& request, Look look, Page page, Document document,
             Text text) const {
    auto inputs = diagnose::inputs_of(request);
    inputs.insert(inputs.end(), probes_.begin(), probes_.end());
    const auto refuse = [&](const Error& error) { return say(context, request, error); };
    auto file = report_.open(context, std::move(inputs));
    if (!file) return refuse(file.error());
    auto report = look();
    if (!report) return refuse(report.error());
    if (mask_) report = diagnose::masked(std::move(*report), request);
    const auto written = file->publish([&] { return page(*report); });
    if (!written) return refuse(written.error());
    if (context.options.json) context.document(document(*report));
    if (context.shows_text()) text(context.streams.out, context.out_style, *report);
    if (context.shows_text()) file->print_place(context.streams.out, mask_);
    return report->is_failure() ? kNo : kDone;
  }

  const CLI::App* verb_ = nullptr;
  diagnose::PostMortemRequest request_;
  diagnose::boot::MachineFiles files_;
  std::string journal_;
  std::vector<std::string> probes_;
  bool against_running_ = false;
  bool preflight_ = false;
  ReportOption report_;
  bool mask_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_diagnose() { return std::make_unique<Diagnose>(); }

}  // namespace hib::cli
