#include "lib/jump/arm.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/jump/boot/kernel_modules.h"
#include "lib/jump/boot/mounted_drivers.h"
#include "lib/jump/boot/saver_config.h"
#include "lib/jump/records.h"
#include "lib/os/machine.h"

namespace hib::jump {
namespace {

std::vector<std::string> drivers_for(const ArmRequest& request, const JumpTarget& target) {
  std::vector<std::string> drivers = target.drivers;
  for (const std::string& name : modules_driving_watchdogs("")) drivers.push_back(name);
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
Result<SaverConfig> config_for(const ArmRequest& request, const DeviceInfo& info, const JumpId& id) {
  SaverConfig config;
  config.context = info.context;
  config.note = info.note;
  config.standby = request.standby;
  TRY(config.records, records_on_arming(info, id));
  config.timeout_seconds = request.timeout_seconds;
  config.verify = request.verify;
  config.free_pages = request.free_pages;
  config.allow_untested = info.allows_untested();
  config.level = request.level;
  return config;
}

Result<DeviceInfo> ask_module() {
  TRY(const auto device, Device::open());
  return device.info();
}

void check_target(const AreaOperations& areas, const ArmRequest& request, std::vector<Check>& checks) {
  constexpr std::string_view kCode = "target";
  const auto target = find_target(areas, request.target, request.force);
  if (target) {
    checks.push_back({kCode,
                      CheckResult::Ok,
                      fmt::format("{} can take the image, unless something uses it", request.target),
                      target->device,
                      {}});
    checks.push_back({kCode,
                      CheckResult::Warning,
                      "memory will lie on it in clear, keys of encrypted disks included",
                      target->device,
                      {}});
    return;
  }
  const Error& error = target.error();
  const bool is_refused = error.kind == ErrorKind::Refused || error.kind == ErrorKind::NotFound;
  const std::string expected = error.allowed.empty() ? "" : ", expected " + error.allowed;
  checks.push_back({kCode, is_refused ? CheckResult::Refused : CheckResult::Unknown,
                    fmt::format("{}: {}{}", request.target, error.found, expected), request.target,
                    error.advice});
}

// After an error. Where the saver has run it is used up already, and there is nothing to disarm.
void undo(const AreaOperations& areas, const Device& device) {
  static_cast<void>(device.disarm());
  static_cast<void>(release_armed(areas, true));
}

// Claims the target, and leaves word of it for hibernate.
Result<JumpTarget> claim(const AreaOperations& areas, const ArmRequest& request, const JumpId& id) {
  TRY(auto target, claim_target(areas, request.target, id, request.force));
  const ArmedTarget armed{id, target.path, target.device, target.area.head};
  auto remembered = remember_armed(armed);
  if (!remembered) static_cast<void>(release(areas, armed, true));
  TRY_OK(std::move(remembered));
  return target;
}

}  // namespace

Result<CheckReport> check_arm(const Formats& formats, const ArmRequest& request, const std::string& root) {
  if (!root.empty()) {
    TRY(const device::Tree captured, device::Tree::captured(root));
    return check_machine(captured, std::nullopt);
  }
  CheckReport report = check_machine(device::Tree::live(), ask_module());
  if (!request.target.empty()) check_target(*formats.with_areas().areas, request, report.checks);
  return report;
}

Result<ArmReport> arm(const Formats& formats, const ArmRequest& request) {
  TRY(const auto device, Device::open());
  TRY(const auto info, device.info());
  ArmReport report;
  CheckReport checks = check_machine(device::Tree::live(), info);
  if (request.standby) refuse_crash_kernels(checks);
  report.refusals = checks.refusals();
  if (!report.refusals.empty()) return report;
  SaverOptions options;
  options.preload = request.preload;
  options.firmware_map = read_machine("").memory_map;
  TRY(options.id, new_jump_id());
  TRY(SaverConfig config, config_for(request, info, options.id));
  const AreaOperations& areas = *formats.with_areas().areas;
  TRY_OK(release_armed(areas, true));
  if (!request.target.empty()) {
    TRY(auto target, claim(areas, request, options.id));
    options.preload.drivers = drivers_for(request, target);
    config.target_head = target.area.head;
    report.target = std::move(target);
  }
  options.preload.config = encode(config);
  auto saver = load_saver(device, options);
  if (!saver) undo(areas, device);
  TRY(report.saver, std::move(saver));
  if (!request.standby) return report;
  report.left = leave(device, Wish::StandBy, {});
  if (report.left->error) undo(areas, device);  // a saver that did not get ready is of no use
  return report;
}

Result<void> disarm(const Formats& formats) {
  TRY(const auto device, Device::open());
  const auto disarmed = device.disarm();
  const bool was_used_up = !disarmed && disarmed.error().kind == ErrorKind::NotFound;
  if (!disarmed && !was_used_up) return disarmed;
  return release_armed(*formats.with_areas().areas, false);
}

}  // namespace hib::jump
