// The place of an image that a kernel jump writes: a block device that nothing else uses. arm claims it by writing a random
// id to it, and the image-saving kernel takes whatever device carries that id: not a name, and not a place, which both may
// differ there.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "format/hib/breadcrumbs.h"
#include "lib/base/error.h"
#include "lib/jump/device.h"

namespace hib::cli {

struct JumpTarget {
  std::string path;
  std::vector<std::string> drivers;  // modules that drive it
};

// Refuses a device in use, one with other content, and one with an image that nobody has resumed from, unless `force`.
Result<JumpTarget> claim_target(const std::string& path, const jump::JumpId& id, bool force);

// Waits up to `seconds` for the device that carries `id` and returns its path in /dev.
Result<std::string> find_claimed(const jump::JumpId& id, unsigned seconds);

// Now, for breadcrumbs.
std::uint64_t clock_ns();

}  // namespace hib::cli
