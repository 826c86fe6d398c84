#include "cli/arm.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/leave.h"
#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/jump/mounted_drivers.h"
#include "lib/jump/watchdog.h"
#include "lib/os/machine.h"

namespace hib::cli {
namespace {

// How the image will be found by the boot that goes back into it.
std::string restore_command(const JumpTarget& target) {
  const std::string offset =
      target.area.head == 0 ? "" : fmt::format("--offset {} ", target.area.head / container::kAreaHeadBytes);
  return fmt::format("hibtool restore --jump {}{}", offset, printable(target.device));
}

void add_drivers_of_mounts(std::vector<std::string>& drivers) {
  for (const std::string& name : jump::modules_driving_mounts("")) {
    if (std::find(drivers.begin(), drivers.end(), name) == drivers.end()) drivers.push_back(name);
  }
}

// A B that did not get ready is of no use.
Result<void> boot_to_standby(const Context& context, const jump::Device& device) {
  const auto left = leave(context, device, jump::Wish::StandBy, {});
  if (left) return {};
  static_cast<void>(device.disarm());  // is done already where B has run
  forget_armed();
  return fail(left.error());
}

}  // namespace

void ArmVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand("arm", "preload the image-saving kernel into the crash region");
  app_->add_option("--target", target_,
                   "where the image goes: a disk or partition that nothing uses, a swap device that is off, "
                   "or a preallocated file. Without it only a rehearsal is possible")
      ->type_name("DEV|FILE");
  app_->add_flag("--force", force_, "overwrite what lies on the target");
  app_->add_flag(
      "--standby", standby_,
      "boot the image-saving kernel now, which shows that it finds the target, and keep it waiting: saving "
      "then takes seconds less. All devices are suspended and resumed once for it");
  app_->add_option("--kernel", options_.preload.kernel,
                   "kernel to load (default: /boot/vmlinuz of the running kernel)")
      ->type_name("VMLINUZ");
  app_->add_option("--modules", options_.preload.modules, "its modules (default: /lib/modules/RELEASE)")
      ->type_name("DIR");
  app_->add_option("--module", options_.preload.jump_module,
                   "its hibjump.ko (default: looked for among its modules)")
      ->type_name("FILE");
  app_->add_flag("--verify", verify_, "read the image back and prove it before powering off or going on");
  app_->add_flag("--free-pages", free_pages_,
                 "save the pages too that the kernel does not use: for looking at, not for resuming");
  app_->add_option("--level", level_, "zstd level of the image; higher is smaller and slower")
      ->type_name("N")
      ->check(CLI::Range(min_zstd_level(), max_zstd_level()))
      ->capture_default_str();
  app_->add_option("--timeout", timeout_,
                   "restart the machine when saving makes no progress for so long; 0: never")
      ->type_name("SECONDS")
      ->check(CLI::Range(0U, 65535U))
      ->capture_default_str();
  app_->add_flag("--only-target-drivers", only_target_drivers_,
                 "load no drivers but those of the target; without those of the mounted file systems their "
                 "last state is not recorded");
  app_->add_option("--append", options_.preload.append, "more for its command line")->type_name("TEXT");
  add_common_options(*app_, common);
  app_->footer(
      "Needs root, the kernel module hibjump, and memory set aside at boot (crashkernel=192M).\n"
      "Examples:\n"
      "  hibtool arm && hibtool hibernate --rehearse\n"
      "  hibtool arm --target /dev/vdb && hibtool hibernate\n"
      "  hibtool arm --target /dev/vdb --standby         # after each boot; later: hibtool hibernate");
}

// The context's address is where B finds what A wants; it is fixed as long as the module stays loaded.
Result<ArmVerb::Armed> ArmVerb::arm(const Context& context) const {
  TRY(const auto device, jump::Device::open());
  TRY(const auto info, device.info());
  jump::ArmOptions options = options_;
  TRY(options.id, jump::new_jump_id());
  options.firmware_map = read_machine("").memory_map;
  Json config = {{"context", hex(info.context)},
                 {"note", hex(info.note)},
                 {"standby", standby_},
                 {"records", json_of_records(first_records_of_a(info, options.id))},
                 {"timeout", timeout_},
                 {"verify", verify_},
                 {"free_pages", free_pages_},
                 {"allow_untested", info.untested_series},
                 {"level", level_}};
  Armed armed;
  forget_armed();
  if (!target_.empty()) {
    TRY(auto target, claim_target(target_, options.id, force_));
    options.preload.drivers = target.drivers;
    if (!only_target_drivers_) add_drivers_of_mounts(options.preload.drivers);
    options.preload.drivers.push_back(jump::kWatchdogModule);
    config["target"] = target.path;
    config["head"] = target.area.head;
    TRY_OK(remember_armed({options.id, target.path, target.device, target.area.head}));
    armed.target = std::move(target);
  }
  options.preload.config = config.dump();
  TRY(armed.kernel, jump::arm(device, options));
  if (standby_) TRY_OK(boot_to_standby(context, device));
  return armed;
}

int ArmVerb::run(const Context& context) const {
  const auto armed = arm(context);
  if (!armed) return context.report(armed.error());
  const jump::ArmReport& kernel = armed->kernel;
  if (context.options.json) {
    Json document = json_document("arm");
    document["kernel"] = printable(kernel.kernel);
    document["release"] = printable(kernel.release);
    document["region"] = {{"start", hex(kernel.region.start)}, {"bytes", kernel.region.bytes}};
    document["initramfs_bytes"] = kernel.initramfs_bytes;
    document["modules"] = kernel.modules;
    document["command_line"] = printable(kernel.command_line);
    document["standby"] = standby_;
    if (armed->target) {
      document["target"] = {{"path", printable(armed->target->path)},
                            {"device", printable(armed->target->device)},
                            {"offset", armed->target->area.head / container::kAreaHeadBytes}};
    }
    print_json(context.streams.out, document);
  } else if (!context.options.quiet) {
    context.streams.out << fmt::format(
        "armed: {} ({}) and {} of initramfs in the crash region {} to {}\n  modules: {}\n",
        printable(kernel.kernel), printable(kernel.release), human_bytes(kernel.initramfs_bytes),
        hex(kernel.region.start), hex(kernel.region.end()), fmt::join(kernel.modules, " "));
    if (standby_) context.streams.out << "  it has been booted, and stands by\n";
    if (armed->target)
      context.streams.out << "  to go back after power-off: " << restore_command(*armed->target) << "\n";
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
  forget_armed();
  if (context.options.json) print_json(context.streams.out, json_document("disarm"));
  return kDone;
}

}  // namespace hib::cli
