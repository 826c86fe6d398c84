#include "cli/restore_devices.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include <fmt/format.h>

#include "cli/jump_records.h"
#include "lib/device/device_record.h"
#include "lib/device/probe.h"

namespace hib::cli {
namespace {

using device::DeviceSet;
using device::Refusal;

// Drivers find their devices in their own time; what is there but is another one stays so.
bool may_still_appear(const std::vector<Refusal>& refusals) {
  return std::any_of(refusals.begin(), refusals.end(), [](const Refusal& refusal) { return refusal.verdict == "absent" || refusal.verdict == "ambiguous"; });
}

// The disk that carries the image of this jump is the one that it was written to, or a copy.
DeviceSet devices_here(const DeviceCheckRequest& request) {
  DeviceSet here = device::probe(device::Tree::live()).devices;
  std::error_code error;
  const std::string name = std::filesystem::canonical(request.image, error).filename().string();
  for (device::Device& item : here.devices) {
    const bool holds_data = item.kind == device::Kind::Disk || item.kind == device::Kind::Partition;
    if (holds_data && item.name == name) item.identity.push_back({std::string(kImageKey), request.jump_id, "image", device::Strength::Strong});
  }
  return here;
}

DeviceCheck compare(const DeviceSet& saved, const DeviceCheckRequest& request) {
  const DeviceSet here = devices_here(request);
  DeviceCheck check;
  check.is_recorded = true;
  for (Refusal& refusal : device::check(saved, here, device::match(saved, here), request.snapshot_ns, request.accepted)) {
    if (refusal.accepted) check.overridden.push_back(refusal.override_token);
    else check.refusals.push_back(std::move(refusal));
  }
  return check;
}

}  // namespace

Result<DeviceCheck> check_devices(const DeviceCheckRequest& request) {
  const Record* record = find_record(*request.records, kDevicesRecord);
  if (record == nullptr) return DeviceCheck{};
  auto saved = device::from_record(*record);
  if (!saved) return fail(std::move(saved).error().of(request.image));
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(request.wait_seconds);
  for (;;) {
    DeviceCheck check = compare(*saved, request);
    if (!may_still_appear(check.refusals) || std::chrono::steady_clock::now() > limit) return check;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

Error error_of(const Refusal& refusal, const std::string& image) {
  return make_error(ErrorKind::Refused, fmt::format("device {} ({})", refusal.name, refusal.uses), refusal.found, "expected " + refusal.expected)
      .of(image)
      .advise(fmt::format("--accept {} goes on all the same", refusal.override_token));
}

}  // namespace hib::cli
