#include "lib/jump/arm.h"

#include <algorithm>

#include "lib/jump/boot/mounted_drivers.h"
#include "lib/jump/boot/saver_config.h"
#include "lib/jump/records.h"
#include "lib/os/machine.h"

namespace hib::jump {
namespace {

std::vector<std::string> drivers_for(const ArmRequest& request, const JumpTarget& target) {
  std::vector<std::string> drivers = target.drivers;
  if (!request.only_target_drivers) {
    for (const std::string& name : modules_driving_mounts("")) {
      if (std::find(drivers.begin(), drivers.end(), name) == drivers.end()) drivers.push_back(name);
    }
  }
  drivers.push_back(kWatchdogModule);
  return drivers;
}

// The context's address is where the saver finds what the machine wants; it is fixed as long as the module is
// loaded.
SaverConfig config_for(const ArmRequest& request, const DeviceInfo& info, const JumpId& id) {
  SaverConfig config;
  config.context = info.context;
  config.note = info.note;
  config.standby = request.standby;
  config.records = records_on_arming(info, id);
  config.timeout_seconds = request.timeout_seconds;
  config.verify = request.verify;
  config.free_pages = request.free_pages;
  config.allow_untested = info.untested_series;
  config.level = request.level;
  return config;
}

// A saver that did not get ready is of no use.
Left boot_to_standby(const Device& device) {
  Left left = leave(device, Wish::StandBy, {});
  if (!left.error) return left;
  static_cast<void>(device.disarm());  // is done already where the saver has run
  forget_armed();
  return left;
}

}  // namespace

Result<ArmReport> arm(const Formats& formats, const ArmRequest& request) {
  TRY(const auto device, Device::open());
  TRY(const auto info, device.info());
  SaverOptions options;
  options.preload = request.preload;
  options.firmware_map = read_machine("").memory_map;
  TRY(options.id, new_jump_id());
  SaverConfig config = config_for(request, info, options.id);
  ArmReport report;
  forget_armed();
  if (!request.target.empty()) {
    TRY(auto target, claim_target(*formats.with_areas().areas, request.target, options.id, request.force));
    options.preload.drivers = drivers_for(request, target);
    config.target_head = target.area.head;
    TRY_OK(remember_armed({options.id, target.path, target.device, target.area.head}));
    report.target = std::move(target);
  }
  options.preload.config = encode(config);
  TRY(report.saver, load_saver(device, options));
  if (request.standby) report.left = boot_to_standby(device);
  return report;
}

Result<void> disarm() {
  TRY(const auto device, Device::open());
  TRY_OK(device.disarm());
  forget_armed();
  return {};
}

}  // namespace hib::jump
