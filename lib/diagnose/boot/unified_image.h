// A unified kernel image: a PE program whose sections are the initramfs, the command line and what they
// belong to (the UAPI Group's specification).
#pragma once

#include <memory>
#include <string>

#include "lib/os/file.h"

namespace hib::diagnose::boot {

struct UnifiedImage {
  std::shared_ptr<const File> initrd;  // null: it has none
  std::string command_line;            // hostile, as all text of it
  std::string release;                 // of the kernel
  std::string os_release;
};

bool is_unified_image(const File& file);  // a PE program; no more is looked at
Result<UnifiedImage> read_unified_image(const File& file);

}  // namespace hib::diagnose::boot
