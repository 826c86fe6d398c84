#include "cli/arm.h"

#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/os/machine.h"

namespace hib::cli {void ArmVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("arm", "preload the image-saving kernel into the crash region");
  app_->add_option("--target", target_, "block device that the image goes to; nothing else may use it. Without it only a rehearsal is possible")->type_name("DEV");
  app_->add_flag("--force", force_, "overwrite what lies on the target");
  app_->add_option("--kernel", options_.preload.kernel, "kernel to load (default: /boot/vmlinuz of the running kernel)")->type_name("VMLINUZ");
  app_->add_option("--modules", options_.preload.modules, "its modules (default: /lib/modules/RELEASE)")->type_name("DIR");
  app_->add_option("--module", options_.preload.jump_module, "its hibjump.ko (default: looked for among its modules)")->type_name("FILE");
  app_->add_option("--append", options_.preload.append, "more for its command line")->type_name("TEXT");
  add_common_options(*app_, common);
  app_->footer(
      "Needs root, the kernel module hibjump, and memory set aside at boot (crashkernel=192M).\n"
      "Examples:\n"
      "  hibtool arm && hibtool hibernate --rehearse\n"
      "  hibtool arm --target /dev/vdb && hibtool hibernate");
}

// The context's address is where B finds what A wants; it is fixed as long as the module stays loaded.
Result<jump::ArmReport> ArmVerb::arm() const {
  TRY(const auto device, jump::Device::open());
  TRY(const auto info, device.info());
  jump::ArmOptions options = options_;
  TRY(options.id, jump::new_jump_id());
  options.firmware_map = read_machine("").memory_map;
  Json config = {{"context", hex(info.context)}, {"records", json_of_records(records_of_a(info, options.id, options.firmware_map))}};
  if (!target_.empty()) {
    TRY(const auto target, claim_target(target_, options.id, force_));
    options.preload.drivers = target.drivers;
    config["target"] = target.path;
  }
  options.preload.config = config.dump();
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
