// What the device holds that an image was written to: read once, as a whole, and never written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/device/device.h"
#include "lib/diagnose/log/log.h"
#include "lib/image/carve.h"
#include "lib/image/format.h"
#include "lib/ops/image_map.h"
#include "lib/ops/rearm.h"
#include "lib/os/machine.h"

namespace hib::diagnose {

struct Disk {
  std::string path;
  std::optional<Error> error;  // it could not be looked at; all else is empty then
  ImageInfo info;
  std::vector<Damage> damage;     // all that was found
  bool is_whole = false;          // every layer verifies, and nothing of it is unproven
  std::vector<RearmCheck> rearm;  // of an image in a swap area: what speaks for and against arming it
  std::vector<Layer> acceptance;  // what the machine's kernel would say to it
  std::vector<MemoryMapEntry> firmware_map;  // of the machine that is in the image; empty: not found
  std::vector<Breadcrumb> history;           // of an image of a kernel jump
  std::optional<BootLog> log;                // of the kernel that is in the image, up to the snapshot
  std::vector<CarvedImage> carved;           // images without a header, where no image has one
  ImageMap map;                              // of its file, where asked for
  std::optional<device::DeviceSet> devices;  // of the machine that is in the image, where asked for

  bool holds_image() const { return !error && info.state != ImageState::None; }
  // A kernel writes it and resumes from it, in a swap area.
  bool is_kernels() const { return info.state == ImageState::Armed || info.state == ImageState::Consumed; }
};

struct DiskRequest {
  std::string path;
  std::string format;  // empty: found by content
  OpenOptions open;
  std::vector<std::string> devices;  // where the machine's file systems may lie, beside the image's own disk
  const Machine* machine = nullptr;  // null: its acceptance is not asked for
  bool with_details = false;
  unsigned threads = 0;
  ProgressCallback progress;
};

Disk look_at_disk(const Formats& formats, const DiskRequest& request);

}  // namespace hib::diagnose
