// How C goes back into A, once everything has been checked: straight, with A's memory staged beside C's own
// and the module's jump; or through B, which kexec enters in the region that A had set aside for it, and
// which writes A's memory.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cli/jump_image.h"
#include "cli/restore_jump.h"
#include "lib/jump/device.h"
#include "lib/os/file.h"
#include "lib/os/machine.h"

namespace hib::cli {

struct PlacesOfA {
  std::vector<jump::MemoryRange> ram;    // as the image knows it; ascending
  std::vector<jump::MemoryRange> pages;  // the part of it that A used
};

// What was prepared. Until it is entered, nothing has happened that could not be undone.
struct WayBack {
  std::optional<jump::Device> stage;  // A's memory waits in this kernel's; without it B is loaded
  std::uint64_t context = 0;
};

// Where the image's history is written.
Result<std::shared_ptr<const File>> open_place(const RestoreJumpRequest& request);

// Straight where that can be, and says it where it cannot. Every page or byte of the image has been held
// against its hash then.
Result<WayBack> prepare_way_back(const Context& context, const RestoreJumpRequest& request,
                                 const JumpImage& image, const PlacesOfA& places, const Machine& here);

// Returns only when it failed, and this boot goes on.
Error go_back(const RestoreJumpRequest& request, const WayBack& way);

}  // namespace hib::cli
