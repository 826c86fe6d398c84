#include "cli/arm.h"

#include <ostream>

#include <fmt/format.h>

#include "cli/render_json.h"
#include "lib/base/text.h"

namespace hib::cli {

void ArmVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("arm", "preload the image-saving kernel into the crash region");
  app_->add_option("--kernel", options_.kernel, "kernel to load (default: /boot/vmlinuz of the running kernel)")->type_name("VMLINUZ");
  app_->add_option("--modules", options_.modules, "its modules (default: /lib/modules/RELEASE)")->type_name("DIR");
  app_->add_option("--module", options_.jump_module, "its hibjump.ko (default: looked for among its modules)")->type_name("FILE");
  app_->add_option("--append", options_.append, "more for its command line")->type_name("TEXT");
  add_common_options(*app_, common);
  app_->footer(
      "Needs root, the kernel module hibjump, and memory set aside at boot (crashkernel=256M).\n"
      "Examples:\n"
      "  hibtool arm\n"
      "  hibtool hibernate --rehearse");
}

// The context's address is where B finds what A wants; it is fixed as long as the module stays loaded.
Result<jump::ArmReport> ArmVerb::arm() const {
  TRY(const auto device, jump::Device::open());
  TRY(const auto info, device.info());
  jump::ArmOptions options = options_;
  options.config = Json{{"context", hex(info.context)}}.dump();
  return jump::arm(device, options);
}

int ArmVerb::run(const Context& context) const {
  const auto report = arm();
  if (!report) return context.report(report.error());
  if (context.options.json) {
    Json document = json_document("arm");
    document["kernel"] = printable(report->kernel);
    document["release"] = printable(report->release);
    document["region"] = {{"start", hex(report->region.start)}, {"bytes", report->region.bytes}};
    document["initramfs_bytes"] = report->initramfs_bytes;
    document["modules"] = report->modules;
    document["command_line"] = printable(report->command_line);
    print_json(context.streams.out, document);
  } else if (!context.options.quiet) {
    context.streams.out << fmt::format("armed: {} ({}) and {} of initramfs in the crash region {} to {}\n  modules: {}\n", printable(report->kernel), printable(report->release),
                                       human_bytes(report->initramfs_bytes), hex(report->region.start), hex(report->region.end()), fmt::join(report->modules, " "));
  }
  return kDone;
}

void DisarmVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("disarm", "undo arm");
  add_common_options(*app_, common);
}

int DisarmVerb::run(const Context& context) const {
  const auto device = jump::Device::open();
  if (!device) return context.report(device.error());
  const auto done = device->disarm();
  if (!done) return context.report(done.error());
  if (context.options.json) print_json(context.streams.out, json_document("disarm"));
  return kDone;
}

}  // namespace hib::cli
