// The saver's main work: the machine's memory, from /proc/vmcore into the claimed target.
#pragma once

#include <functional>
#include <string>

#include "lib/image/format.h"
#include "lib/jump/boot/saver_config.h"
#include "lib/jump/module/context.h"
#include "lib/jump/target.h"

namespace hib::jump {

struct SaveRequest {
  const Formats* formats = nullptr;
  const SaverConfig* config = nullptr;
  const Context* context = nullptr;
  bool has_stood_by = false;
  std::function<void()> alive;                   // called while there is progress
  std::function<void(const std::string&)> note;  // what is missing in the image, and why
};

// Saves, and verifies when the configuration says so. Each breadcrumb is on the disk before the next step
// begins.
Result<void> save(const SaveRequest& request, const ClaimedTarget& target);

}  // namespace hib::jump
