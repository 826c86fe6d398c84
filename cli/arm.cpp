#include "lib/jump/arm.h"

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/codec/zstd.h"
#include "lib/report/arm_check.h"
#include "lib/report/jump.h"

namespace hib::cli {
namespace {

class Arm final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats&) override {
    verb_ = &app;
    app.add_option(
           "--target", request_.target,
           "where the image goes: a disk or partition that nothing uses, a swap device that is off, or a "
           "preallocated file. Without it only a rehearsal is possible")
        ->type_name("DEV|FILE");
    app.add_flag("--force", request_.force, "overwrite what lies on the target");
    app.add_flag(
        "--standby", request_.standby,
        "boot the saver now, and let it stand by: it has found its target then, and hibernate takes seconds "
        "less. All devices are suspended and resumed once for that");
    app.add_option("--kernel", request_.preload.kernel, "the saver's kernel (default: the running one)")
        ->type_name("VMLINUZ");
    app.add_option("--modules", request_.preload.modules, "its modules (default: /lib/modules/RELEASE)")
        ->type_name("DIR");
    app.add_option("--module", request_.preload.jump_module,
                   "its hibjump.ko (default: looked for among its modules)")
        ->type_name("FILE");
    app.add_flag("--verify", request_.verify,
                 "read the image back and prove it before the machine powers off or goes on");
    app.add_flag("--free-pages", request_.free_pages,
                 "save also the pages that the kernel does not use: to look at them, not to resume");
    take_from_to(
        *app.add_option("--level", request_.level, "zstd level of the image; higher is smaller and slower")
             ->type_name("N")
             ->capture_default_str(),
        min_zstd_level(), max_zstd_level());
    take_from_to(
        *app.add_option("--timeout", request_.timeout_seconds,
                        "go on without an image when the saver makes no progress for so long; 0: never")
             ->type_name("SECONDS")
             ->capture_default_str(),
        0, 65535);
    app.add_flag(
        "--only-target-drivers", request_.only_target_drivers,
        "load only the target's drivers; the final state of mounted file systems is then not recorded");
    app.add_option("--append", request_.preload.append, "more for the saver's command line")
        ->type_name("TEXT");
    app.add_flag("--check", check_,
                 "change nothing: would the jump be allowed here, and what is known to speak against it?");
    app.add_option("--root", root_, "with --check: the machine whose /proc and /sys lie below this folder")
        ->type_name("DIR");
    add_common_options(app, common);
    app.footer(
        "Needs root, the kernel module hibjump, and memory set aside at boot (crashkernel=192M).\n"
        "Examples:\n"
        "  hibtool arm --check                             # for a bug ticket: no serial number is in it\n"
        "  hibtool arm && hibtool hibernate --rehearse\n"
        "  hibtool arm --target /dev/vdb && hibtool hibernate\n"
        "  hibtool arm --target /dev/vdb --standby         # after each boot; later: hibtool hibernate");
  }

  int run(const Context& context) const override {
    auto fits = only_with(*verb_, "--target",
                          {"--force", "--verify", "--free-pages", "--level", "--only-target-drivers"});
    if (fits) fits = only_with(*verb_, "--check", {"--root"});
    if (fits) fits = not_with(*verb_, "--root", {"--target"});
    if (fits)
      fits = not_with(*verb_, "--check",
                      {"--standby", "--kernel", "--modules", "--module", "--verify", "--free-pages",
                       "--level", "--timeout", "--only-target-drivers", "--append"});
    if (!fits) return context.report(fits.error());
    if (check_) return run_check(context);
    jump::ArmRequest request = request_;
    request.preload.progress = context.progress_in_steps();
    const auto report = jump::arm(context.formats, request);
    if (!report) return context.report(report.error());
    if (!report->refusals.empty()) {
      for (const Error& refusal : report->refusals) context.line(refusal.line());
      if (context.options.json) context.document(report::json_of_error(jump::refusal_of(report->refusals)));
      return kRefused;
    }
    if (report->left) {
      for (const std::string& line : report::device_notes(*report->left)) context.line(line);
      if (report->left->error) return context.report(*report->left->error);
    }
    if (context.options.json) context.document(report::json_of_arm(*report));
    if (context.shows_text()) report::print_arm(context.streams.out, *report);
    return kDone;
  }

 private:
  int run_check(const Context& context) const {
    const auto report = jump::check_arm(context.formats, request_, root_);
    if (!report) return context.report(report.error());
    if (context.options.json) context.document(report::json_of_arm_check(*report));
    if (context.shows_text()) report::print_arm_check(context.streams.out, context.out_style, *report);
    return report->allowed() ? kDone : kNo;
  }

  const CLI::App* verb_ = nullptr;
  jump::ArmRequest request_;
  bool check_ = false;
  std::string root_;
};

class Disarm final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats&) override {
    add_common_options(app, common);
  }

  int run(const Context& context) const override {
    const auto done = jump::disarm(context.formats);
    if (!done) return context.report(done.error());
    if (context.options.json) context.document(report::json_document("disarm"));
    return kDone;
  }
};

}  // namespace

std::unique_ptr<Verb> make_arm() { return std::make_unique<Arm>(); }
std::unique_ptr<Verb> make_disarm() { return std::make_unique<Disarm>(); }

}  // namespace hib::cli
