// An image that hibtool hibernate has made: its pages, and how to go back to the machine that they are of.
#pragma once

#include <memory>
#include <string>

#include "lib/base/error.h"
#include "lib/image/reader.h"
#include "lib/jump/context.h"

namespace hib::cli {

struct JumpImage {
  std::unique_ptr<ImageReader> reader;  // of a .hib
  jump::Context context;
};

// `offset`: page of the device with the head of the image's area, or with the image.
Result<JumpImage> open_jump_image(const std::string& path, std::uint64_t offset);

Error not_a_jump_image(const std::string& path, std::string found);

}  // namespace hib::cli
