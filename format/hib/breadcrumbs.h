// Breadcrumbs: how far a save or a resume got, appended in place to a finished image (docs/format/hib.md §7).
#pragma once

#include <cstdint>
#include <string>

#include "lib/base/error.h"

namespace hib::container {

enum class Phase : std::uint16_t {
  Armed = 1, DevicesSuspended, Jumped, Saving, Verified, Committed, PoweredOff,
  ResumeAttempted, Loaded, JumpedBack, Resumed, Failed,
};

// Writes the next free entry of the image at `path` and flushes it; `time_ns` is nanoseconds since 1970 or 0. At most 96
// bytes of `text` are kept. Nothing else in the image changes. A full or damaged area is an error.
Result<void> append_breadcrumb(const std::string& path, Phase phase, std::uint64_t time_ns, const std::string& text);

}  // namespace hib::container
