// An image that a kernel jump saved: its pages, and how to go back to the machine that they are of.
#pragma once

#include <memory>
#include <string>

#include "lib/base/error.h"
#include "lib/image/format.h"
#include "lib/jump/module/context.h"
#include "lib/jump/record.h"

namespace hib::jump {

struct JumpImage {
  std::unique_ptr<ImageReader> reader;
  Context context;
  JumpRecord jump;

  const std::string& path() const { return reader->info().path; }
};

// `offset`: page of the device with the head of the image's area, or with the image.
Result<JumpImage> open_jump_image(const Formats& formats, const std::string& path, std::uint64_t offset);

Error not_a_jump_image(const std::string& path, std::string found);

}  // namespace hib::jump
