// In the saver: the marks of the machine's file systems. The machine kept writing while it was probed, so its
// marks may be stale. They are read from disk again once the machine is suspended.
#pragma once

#include <functional>
#include <vector>

#include "lib/image/record.h"

namespace hib::jump {

// Puts the marks that the disks have now into the record "devices" (lib/device/policy/saver_marks.h). Waits
// up to `seconds` for disks with mounted file systems that have not been found yet, calling `alive`
// meanwhile.
void add_saver_marks(std::vector<Record>& records, unsigned seconds, const std::function<void()>& alive);

}  // namespace hib::jump
