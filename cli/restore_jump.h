// restore --jump: back into a machine that hibtool hibernate has saved.
//
// In C, the kernel of this boot: everything that can be checked is checked, then kexec enters B in the region of memory that
// A had set aside for it. In B: A's pages are written where they were, and B jumps into A.
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

// In B: from the image into memory. On an error the memory is neither machine any more.
Result<void> write_memory(const std::string& path, std::uint64_t head, const jump::Device& device, const ProgressCallback& progress);

}  // namespace hib::cli
