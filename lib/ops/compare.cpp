#include "lib/ops/compare.h"

namespace hib {

Result<Difference> compare(const Side& before, const Side& now, const PipelineOptions& options) {
  Difference difference;
  if (before.devices && now.devices) difference.devices = device::match(*before.devices, *now.devices);
  if (before.image && now.image) {
    TRY(difference.memory, diff(*before.image, *now.image, options));
  } else if (!difference.devices) {
    return fail(make_error(ErrorKind::Unsupported, "devices", "no device records",
                           "an image or a probe that has them")
                    .of(before.devices ? now.path : before.path));
  }
  return difference;
}

std::vector<ImageInfo> images_of(const Side& before, const Side& now) {
  std::vector<ImageInfo> images;
  for (const Side* side : {&before, &now}) {
    if (side->image) images.push_back(side->image->info());
  }
  return images;
}

}  // namespace hib
