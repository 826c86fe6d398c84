// In the image-saving kernel, on the way back: A's pages, from the image into the memory where they were.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/jump/device.h"
#include "lib/ops/pipeline.h"

namespace hib::cli {

// `head`: byte of the device with the head of the image's area. On an error the memory is neither machine any more.
Result<void> write_memory(const std::string& path, std::uint64_t head, const jump::Device& device, const ProgressCallback& progress);

}  // namespace hib::cli
