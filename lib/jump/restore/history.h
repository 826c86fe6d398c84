// May an image be resumed from, by its history? Not when a machine has gone on from it: that machine has
// changed the disks. And not after several failures: an image that makes a machine reboot must not do so for
// ever. Every boot of a machine that resumes at boot asks this, and most find nothing to go back to.
#pragma once

#include <string>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/history.h"

namespace hib::jump {

inline constexpr unsigned kMaxAttempts = 2;

// Why an ordinary boot has nothing to go back to: the target was armed and not written to, the saver could
// not save and the machine went on, or somebody has gone back already. Empty: there may be something.
std::string why_nothing_there(const std::vector<Breadcrumb>& history, bool force);

// An error where the machine was lost while it was saved. Refused after kMaxAttempts attempts that failed.
// `force` asks neither.
Result<void> check_history(const std::vector<Breadcrumb>& history, const std::string& path, bool force);

}  // namespace hib::jump
