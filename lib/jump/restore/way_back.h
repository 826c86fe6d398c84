// How the restorer goes back into the machine, once everything has been checked: straight, with the machine's
// memory staged beside the restorer's own and the module's jump; or through the saver, which kexec enters in
// the region that the machine had set aside for it, and which writes the machine's memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lib/jump/boot/preload.h"
#include "lib/jump/image.h"
#include "lib/jump/module/device.h"
#include "lib/ops/pipeline.h"
#include "lib/os/file.h"
#include "lib/os/machine.h"

namespace hib::jump {

struct ResumeRequest {
  std::string device;
  std::uint64_t offset = 0;  // page of the device with the head of the image's area, or with the image
  PreloadOptions preload;
  std::vector<std::string> accepted;  // devices that are not the ones they were, as a refusal names them
  unsigned wait_seconds = 10;         // for devices of the image that have not been found yet
  bool force = false;  // resume once more from an image that somebody has resumed from, or that failed
  std::function<void(const std::string&)> note;                       // for people, at once
  std::function<ProgressCallback(const std::string& what)> progress;  // one for each long step
};

struct MachinePages {
  std::vector<MemoryRange> ram;   // as the image knows it; ascending
  std::vector<MemoryRange> used;  // the part of it that the image has pages of
};

// A way back that was prepared. Until go_back() enters it, everything can be undone.
struct WayBack {
  std::optional<Device> stage;  // the machine's memory in this kernel's own; none: the saver is loaded
  std::uint64_t context = 0;
};

// The image as a file of its own, where its history is.
Result<std::shared_ptr<const File>> open_image_file(const AreaOperations& areas,
                                                    const ResumeRequest& request);

// Straight where that is possible; otherwise the reason is noted, and the way is through the saver. When this
// returns, every page or byte of the image has been checked by its hash.
Result<WayBack> prepare_way_back(const ResumeRequest& request, const JumpImage& image,
                                 const MachinePages& pages, const Machine& here);

// Returns only when it failed: this boot goes on.
Error go_back(const AreaOperations& areas, const ResumeRequest& request, const WayBack& way);

}  // namespace hib::jump
