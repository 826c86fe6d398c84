// Are the devices of the saved machine here, and are they the same ones? A mounted file system on another
// disk, or on one that was written meanwhile, is ruined by going on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/device/policy/policy.h"
#include "lib/image/record.h"
#include "lib/jump/module/jump_id.h"

namespace hib::jump {

struct DeviceCheckRequest {
  std::string image;  // the device that it lies on
  JumpId id{};        // the jump by whose id that device is recorded
  const std::vector<Record>* records = nullptr;
  std::uint64_t snapshot_ns = 0;      // CLOCK_REALTIME when the devices were suspended
  std::vector<std::string> accepted;  // --accept
  unsigned wait_seconds = 0;          // for devices that have not been found yet
};

struct DeviceCheck {
  bool is_recorded = false;               // the image says which devices its machine had
  std::vector<device::Refusal> refusals;  // none: go on
  std::vector<std::string> overridden;    // tokens of refusals that were accepted
};

// Compares with this machine, again and again while devices may still appear. Fails when the image's records
// are damaged.
Result<DeviceCheck> check_devices(const DeviceCheckRequest& request);

// For people: one line, with what accepts it.
Error error_of(const device::Refusal& refusal, const std::string& image);

}  // namespace hib::jump
