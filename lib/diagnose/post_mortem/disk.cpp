#include "lib/diagnose/post_mortem/disk.h"

#include "lib/device/device_record.h"
#include "lib/diagnose/post_mortem/image_log.h"
#include "lib/ops/accept.h"
#include "lib/ops/carve.h"
#include "lib/ops/verify.h"

namespace hib::diagnose {
namespace {

void take_verified(VerifyReport verified, Disk& disk) {
  disk.is_whole = verified.verdict == Verdict::Good;
  disk.damage = std::move(verified.damage);
  disk.firmware_map = std::move(verified.firmware_map);
}

Result<void> look_at_kernels_image(const Formats& formats, const ImageReader& image,
                                   const DiskRequest& request, Disk& disk) {
  RearmRequest rearm;
  rearm.image = request.path;
  rearm.open = request.open;
  rearm.devices = request.devices;
  rearm.threads = request.threads;
  rearm.progress = request.progress;
  TRY(RearmReport report, could_be_rearmed(formats, image, rearm));
  take_verified(std::move(report.verified), disk);
  disk.rearm = std::move(report.checks);
  return {};
}

Result<void> look_at_other_image(const ImageReader& image, const DiskRequest& request, Disk& disk) {
  TRY(VerifyReport verified, verify(image, request.threads, request.progress));
  take_verified(std::move(verified), disk);
  disk.history = image.history();
  return {};
}

// For those who want to see all of it; what cannot be had is no reason to stop.
void add_details(const ImageReader& image, Disk& disk) {
  if (auto devices = device::devices_in(image.records(), disk.path)) disk.devices = std::move(*devices);
  if (const auto map = image.map())
    disk.map = coarse_map(map->tiled(image.info().file_bytes), image.info().file_bytes);
}

Result<void> look(const Formats& formats, const DiskRequest& request, Disk& disk) {
  OpenOptions open = request.open;
  open.salvage = true;  // damage is an answer here
  open.without_base = true;
  TRY(const auto image, formats.open(request.path, request.format, open));
  disk.info = image->info();
  if (disk.info.state == ImageState::None) {
    if (!disk.info.has_finding("carvable")) return {};
    TRY(CarveReport carved, carve(formats, request.path, request.open, request.progress));
    disk.carved = std::move(carved.found.images);
    return {};
  }
  if (disk.is_kernels() && disk.info.found_in.empty()) {
    TRY_OK(look_at_kernels_image(formats, *image, request, disk));
  } else {
    TRY_OK(look_at_other_image(*image, request, disk));
  }
  disk.log = log_in_image(*image);
  if (request.with_details) add_details(*image, disk);
  if (request.machine == nullptr) return {};
  auto accepted = check_acceptance(formats, *image, *request.machine);
  if (accepted)
    disk.acceptance = std::move(*accepted);  // an image of another kind has nothing to be accepted
  return {};
}

}  // namespace

Disk look_at_disk(const Formats& formats, const DiskRequest& request) {
  Disk disk;
  disk.path = request.path;
  auto looked = look(formats, request, disk);
  if (!looked) disk.error = std::move(looked).error();
  return disk;
}

}  // namespace hib::diagnose
