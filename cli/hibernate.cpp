#include "cli/hibernate.h"

#include <ostream>

#include "cli/jump_target.h"
#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/jump/device.h"

namespace hib::cli {
namespace {

std::string describe(jump::Wish wish, jump::Outcome outcome) {
  if (outcome == jump::Outcome::Restored) return "resumed from the image";
  return wish == jump::Wish::Rehearse ? "the image-saving kernel ran and came back" : "the image is saved, and the machine goes on";
}

// The last breadcrumb of a cycle; a swap device becomes one again. That the machine goes on does not depend on it.
Result<void> note_resumed(const ArmedTarget& armed) {
  TRY(const auto target, find_claimed(armed.id, armed.head, 0));
  TRY_OK(target.note(container::Phase::Resumed));
  TRY(const auto device, File::open(target.device));
  return container::remove_area_head(*device, target.area);
}

}  // namespace

void HibernateVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("hibernate", "jump into the kernel that arm has loaded, which saves this machine's memory");
  CLI::Option* back = app_->add_flag("--return", return_, "come back when the image is saved, instead of powering off");
  app_->add_flag("--rehearse", rehearse_, "come back without saving: shows that this machine can do it")->excludes(back);
  add_common_options(*app_, common);
  app_->footer(
      "Returns when the machine goes on: after --return, after --rehearse, when the image could not be saved (code 2, with\n"
      "the reason), and when the machine was restored from the image.\n"
      "Examples:\n"
      "  hibtool arm --target /dev/vdb && hibtool hibernate\n"
      "  hibtool arm && hibtool hibernate --rehearse");
}

int HibernateVerb::run(const Context& context) const {
  const auto device = jump::Device::open();
  if (!device) return context.report(device.error());
  const jump::Wish wish = rehearse_ ? jump::Wish::Rehearse : return_ ? jump::Wish::SaveAndReturn : jump::Wish::SaveAndPowerOff;
  ArmedTarget armed;
  if (wish != jump::Wish::Rehearse) {
    const auto recalled = recall_armed();
    if (!recalled) return context.report(make_error(ErrorKind::Usage, "target", "armed without one", "hibtool arm --target DEV"));
    armed = *recalled;
    const auto unmoved = check_unmoved(armed);
    if (!unmoved) return context.report(unmoved.error());
  }
  const auto result = device->leave(wish);
  if (!result) return context.report(result.error());
  if (result->outcome == jump::Outcome::Failed) {
    return context.report(make_error(ErrorKind::Io, "image-saving kernel", result->reason));
  }
  if (result->outcome == jump::Outcome::Restored) {
    const auto noted = note_resumed(armed);
    if (!noted) context.note("resumed, but the image does not know: " + noted.error().line());
  }
  if (context.options.json) {
    Json document = json_document("hibernate");
    document["outcome"] = result->outcome == jump::Outcome::Restored ? "restored" : "returned";
    document["suspended_ns"] = result->suspended_ns;
    print_json(context.streams.out, document);
  } else if (!context.options.quiet) {
    context.streams.out << describe(wish, result->outcome) << "\n";
  }
  return kDone;
}

}  // namespace hib::cli
