#include "lib/jump/restore/devices.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/device/device_record.h"
#include "lib/device/probe/await.h"
#include "lib/jump/records.h"

namespace hib::jump {
namespace {

using device::DeviceSet;
using device::Refusal;

// Drivers find their devices in their own time, so an absent device may still appear. A replaced one stays
// replaced.
bool may_still_appear(const std::vector<Refusal>& refusals) {
  return std::any_of(refusals.begin(), refusals.end(), [](const Refusal& refusal) {
    return refusal.verdict == "absent" || refusal.verdict == "ambiguous";
  });
}

DeviceCheck compare(const DeviceSet& saved, DeviceSet here, const DeviceCheckRequest& request) {
  mark_image(here, request.image, request.id, "image");  // the disk that it was written to, or a copy
  DeviceCheck check;
  check.is_recorded = true;
  const auto comparison = device::match(saved, here);
  for (Refusal& refusal : device::check(saved, here, comparison, request.snapshot_ns, request.accepted)) {
    if (refusal.accepted)
      check.overridden.push_back(refusal.override_token);
    else
      check.refusals.push_back(std::move(refusal));
  }
  return check;
}

}  // namespace

Result<DeviceCheck> check_devices(const DeviceCheckRequest& request) {
  TRY(const auto saved, device::devices_in(*request.records, request.image));
  DeviceCheck check;
  if (!saved) return check;
  device::await_devices(request.wait_seconds, [&](const DeviceSet& here) {
    check = compare(*saved, here, request);
    return !may_still_appear(check.refusals);
  });
  return check;
}

Error error_of(const Refusal& refusal, const std::string& image) {
  return make_error(ErrorKind::Refused, fmt::format("device {} ({})", refusal.name, refusal.uses),
                    refusal.found, refusal.expected)
      .of(image)
      .advise(fmt::format("--accept {} goes on all the same", refusal.override_token));
}

}  // namespace hib::jump
