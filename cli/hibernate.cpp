#include "cli/hibernate.h"

#include <ostream>

#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/jump/device.h"

namespace hib::cli {

void HibernateVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("hibernate", "jump into the kernel that arm has loaded");
  app_->add_flag("--rehearse", rehearse_, "jump, and come back without saving: shows that this machine can do it")->required();
  add_common_options(*app_, common);
  app_->footer(
      "Examples:\n"
      "  hibtool arm && hibtool hibernate --rehearse");
}

int HibernateVerb::run(const Context& context) const {
  const auto device = jump::Device::open();
  if (!device) return context.report(device.error());
  const auto result = device->leave(jump::Wish::Rehearse);
  if (!result) return context.report(result.error());
  if (result->outcome != jump::Outcome::Returned) {
    return context.report(make_error(ErrorKind::Io, "image-saving kernel", printable(result->reason), "a rehearsal without an error"));
  }
  if (context.options.json) {
    Json document = json_document("hibernate");
    document["outcome"] = "returned";
    print_json(context.streams.out, document);
  } else if (!context.options.quiet) {
    context.streams.out << "the image-saving kernel ran and came back\n";
  }
  return kDone;
}

}  // namespace hib::cli
