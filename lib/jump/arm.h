// Arms the machine: claims the target, and loads the saver into the crash region.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/image/format.h"
#include "lib/jump/boot/load.h"
#include "lib/jump/check/check.h"
#include "lib/jump/leave.h"
#include "lib/jump/target.h"

namespace hib::jump {

struct ArmRequest {
  std::string target;  // device or file; empty: only a rehearsal will be possible
  bool force = false;  // overwrite what lies on the target
  bool verify = false;
  bool free_pages = false;
  bool standby = false;  // boot the saver now, and keep it waiting
  bool only_target_drivers = false;
  unsigned timeout_seconds = 120;
  int level = -3;  // of zstd: somebody waits for this image, and it is read once (docs/benchmarks.md)
  PreloadOptions preload;
};

struct ArmReport {
  std::vector<Error> refusals;  // of all checks that refuse; where there are any, nothing was done
  LoadedSaver saver;
  std::optional<JumpTarget> target;
  std::optional<Left> left;  // with standby: how the first jump went
};

// Would arm() be allowed, and what is known to speak against it? Of the machine below `root`, where that is
// not empty; then without its target. Changes nothing.
Result<CheckReport> check_arm(const Formats& formats, const ArmRequest& request, const std::string& root);

// A saver that was loaded before is removed, and its target released. So is a new one after an error, and
// with standby one that did not get ready; `left` then has the error.
Result<ArmReport> arm(const Formats& formats, const ArmRequest& request);

// Of the target a swap device becomes one again, also where the saver is used up by now.
Result<void> disarm(const Formats& formats);

}  // namespace hib::jump
