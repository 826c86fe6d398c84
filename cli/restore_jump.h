// restore --jump: back into a machine that hibtool hibernate has saved.
//
// This is C, the kernel of this boot: everything that can be checked is checked. Then A's memory is staged
// beside C's own and the module jumps into A; or, where that cannot be, kexec enters B in the region that A
// had set aside for it, and B writes A's memory.
#pragma once

#include <string>

#include "cli/common.h"
#include "lib/jump/context.h"
#include "lib/jump/preload.h"
#include "lib/ops/pipeline.h"

namespace hib::cli {

struct RestoreJumpRequest {
  std::string device;
  std::uint64_t offset = 0;  // page of the device with the head of the image's area, or with the image
  jump::PreloadOptions preload;
  std::vector<std::string> accepted;  // devices that are not the ones they were, as a refusal names them
  unsigned wait_seconds = 10;         // for devices of the image that have not been found yet
  bool force = false;  // resume once more from an image that somebody has resumed from, or that failed
};

// In C. Does not return when it succeeds.
int restore_jump(const Context& context, const RestoreJumpRequest& request);

}  // namespace hib::cli
