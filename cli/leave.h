// A leaves, and comes back: what hibernate and arm --standby have in common.
#pragma once

#include <string>
#include <vector>

#include "cli/common.h"
#include "cli/render_json.h"
#include "lib/jump/device.h"
#include "lib/jump/suspend_records.h"

namespace hib::cli {

struct Left {
  jump::Outcome outcome = jump::Outcome::NotLeft;  // Returned or Restored
  std::uint64_t suspended_ns = 0;
  std::vector<jump::DeviceFailure> failures;  // devices that did not resume
};

// Tells of each device that did not suspend or resume. An error is that the machine did not leave, or B's
// reason why it could not do what was wanted.
Result<Left> leave(const Context& context, const jump::Device& device, jump::Wish wish, ByteView records);

// " (virtio_blk)", or "" where no driver has the device.
std::string driver_of(const jump::DeviceFailure& failure);

Json json_of(const std::vector<jump::DeviceFailure>& failures);

}  // namespace hib::cli
