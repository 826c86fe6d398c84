// On the way back: A's pages, from the image into the memory where they were, or into what waits to be put
// there.
#pragma once

#include "cli/jump_image.h"
#include "lib/base/error.h"
#include "lib/jump/device.h"
#include "lib/ops/pipeline.h"

namespace hib::cli {

// In B. On an error the memory is neither machine any more.
Result<void> write_memory(const JumpImage& image, const jump::Device& device,
                          const ProgressCallback& progress);

// In C, into what `device` has staged. Every page is held against its hash on the way.
Result<void> fill_stage(const JumpImage& image, const jump::Device& device, const ProgressCallback& progress);

}  // namespace hib::cli
