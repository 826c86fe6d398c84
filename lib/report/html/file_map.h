// The file of an image as a strip: what lies where, and where it is damaged.
#pragma once

#include <vector>

#include "lib/image/info.h"
#include "lib/ops/image_map.h"
#include "lib/report/html/writer.h"

namespace hib::report {

// The strip and its legend. Nothing where the map is empty.
void add_file_map(Html& html, const ImageMap& map, const std::vector<Damage>& damage);

}  // namespace hib::report
