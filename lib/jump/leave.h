// The machine leaves, and comes back: what hibernate and arm --standby have in common.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/jump/module/device.h"
#include "lib/jump/module/suspend_records.h"

namespace hib::jump {

struct Left {
  Outcome outcome = Outcome::NotLeft;        // Returned or Restored, unless there is an error
  std::uint64_t suspended_ns = 0;            // CLOCK_REALTIME
  std::vector<DeviceFailure> not_suspended;  // why it did not leave
  std::vector<DeviceFailure> not_resumed;
  std::string unknown;          // why it is not known how the devices came back; "" when it is
  bool saver_panicked = false;  // and so has noted nothing in the image
  std::optional<Error> error;   // the machine did not leave, or the saver could not do what was wanted
};

Left leave(const Device& device, Wish wish, ByteView records);

}  // namespace hib::jump
