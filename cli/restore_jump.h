// restore --jump: back into a machine that hibtool hibernate has saved.
//
// In C, the kernel of this boot: everything that can be checked is checked, then kexec enters B in the region of memory that
// A had set aside for it. In B: A's pages are written where they were, and B jumps into A.
#pragma once

#include <string>

#include "cli/common.h"
#include "lib/jump/context.h"
#include "lib/jump/preload.h"

namespace hib::cli {

struct RestoreJumpRequest {
  std::string device;
  jump::PreloadOptions preload;
  bool force = false;  // resume once more from an image that somebody has resumed from, or that failed
};

// In C. Does not return when it succeeds.
int restore_jump(const Context& context, const RestoreJumpRequest& request);

// In B: from the image on `path` into memory. On an error the memory is neither machine any more.
Result<void> write_memory(const std::string& path, const jump::Device& device);

}  // namespace hib::cli
