// In the image-saving kernel: the file systems as the machine left them. A still wrote while it looked at
// itself; its disks say what came of that only now.
#pragma once

#include <functional>
#include <vector>

#include "lib/image/record.h"

namespace hib::cli {

// Puts the marks that the disks have now into the record "devices" (lib/device/saver_marks.h). Waits up to
// `seconds` for disks with mounted file systems that have not been found yet, calling `alive` meanwhile.
void add_saver_marks(std::vector<Record>& records, unsigned seconds, const std::function<void()>& alive);

}  // namespace hib::cli
