#include "cli/resume.h"

#include "cli/option_rules.h"
#include "cli/verb.h"
#include "lib/base/text.h"
#include "lib/jump/restore/accepted.h"
#include "lib/jump/restore/resume.h"
#include "lib/report/jump.h"

namespace hib::cli {
namespace {

class Resume final : public Verb {
 public:
  void add_options(CLI::App& app, CommonOptions& common, const Formats&) override {
    app.add_option("DEVICE", device_, "the device that hibernate has written to")
        ->required()
        ->type_name("DEV");
    add_resume_options(app, options_);
    app.add_flag("--force", force_,
                 "resume even if somebody has resumed from the image before, or has tried to");
    app.add_option("--offset", common.swap_offset,
                   "page of the device at which the image begins, as arm printed it")
        ->type_name("PAGES");
    add_common_options(app, common);
    app.footer(
        "Overwrites all of this kernel's memory, and does not return when it succeeds. Everything is checked "
        "first:\n"
        "the image, the memory map, the processor, and that every disk in use is the same one and was\n"
        "not written meanwhile.\n"
        "Exit code 1: there is nothing to go back to; 2: could not; 4: refused, with every reason.\n"
        "Examples:\n"
        "  hibtool resume /dev/vdb\n"
        "  hibtool resume --wait 30 --accept sdb=absent /dev/vdb");
  }

  int run(const Context& context) const override { return run_resume(context, device_, options_, force_); }

 private:
  std::string device_;
  ResumeOptions options_;
  bool force_ = false;
};

}  // namespace

void add_resume_options(CLI::App& app, ResumeOptions& options) {
  app.add_option("--kernel", options.preload.kernel,
                 "load this kernel as the saver, to write the memory back (default: the one that saved the "
                 "image)")
      ->type_name("VMLINUZ");
  app.add_option("--modules", options.preload.modules, "its modules (default: /lib/modules/RELEASE of it)")
      ->type_name("DIR");
  app.add_option("--module", options.preload.jump_module, "its hibjump.ko")->type_name("FILE");
  app.add_option("--append", options.preload.append, "more for its command line")->type_name("TEXT");
  offer(*app.add_option(
                "--accept", options.accepted,
                "go on even if this device, or the processor, is not the one it was, or was written since: a "
                "refusal says what to give here. The image records it")
             ->type_name("DEVICE=VERDICT")
             ->allow_extra_args(false),
        jump::accepted_tokens());
  take_from_to(*app.add_option("--wait", options.wait_seconds,
                               "how long to wait for devices that have not been found yet")
                    ->type_name("SECONDS")
                    ->capture_default_str(),
               0, 3600);
}

int run_resume(const Context& context, const std::string& device, const ResumeOptions& options, bool force) {
  const auto offset = context.swap_offset();
  if (!offset) return context.report(offset.error());
  jump::ResumeRequest request;
  request.device = device;
  request.offset = offset->value_or(0);
  request.preload = options.preload;
  request.accepted = options.accepted;
  request.wait_seconds = options.wait_seconds;
  request.force = force;
  request.note = [&](const std::string& text) { context.note(text); };
  request.progress = [&](const std::string& what) { return context.progress(what); };
  const jump::NotResumed end = jump::resume(context.formats, request);
  if (end.nothing_there) {
    context.note(end.error.line());
    if (context.options.json) context.document(report::json_of_not_resumed(end));
    return kNo;
  }
  for (const std::string& line : report::lines_of(end, device)) context.line(line);
  if (context.options.json) context.document(report::json_of_not_resumed(end));
  return exit_code(end.error.kind);
}

std::unique_ptr<Verb> make_resume() { return std::make_unique<Resume>(); }

}  // namespace hib::cli
