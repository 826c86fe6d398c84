// May an image be resumed from, by its history? Not when a machine has gone on from it: that machine has
// changed the disks. And not after several failures: an image that makes a machine reboot must not do so for
// ever.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/history.h"

namespace hib::jump {

inline constexpr unsigned kMaxAttempts = 2;

// Refused when the machine has gone on from `path` before, or after kMaxAttempts attempts that failed.
// `force` allows both.
Result<void> check_history(const std::vector<Breadcrumb>& history, const std::string& path, bool force);

}  // namespace hib::jump
