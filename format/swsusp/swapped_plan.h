// Before an image is written into a swap area: which slots of it have to hold the machine's swapped-out
// pages.
#pragma once

#include <optional>

#include "format/swsusp/swap_target.h"
#include "format/swsusp/swapped_pages.h"

namespace hib::swsusp {

struct SwappedPlan {
  const ImageReader* pages = nullptr;         // to be put into their slots; null: none
  std::optional<SwapTarget::UsedSlots> used;  // nothing: not known
};

// Refused when the machine had pages swapped out and the image does not have them, or has lost one.
// `leave_out`: as if there were none, for a machine whose swapped-out pages nobody needs.
Result<SwappedPlan> plan_swapped(const ImageReader& source, bool leave_out);

}  // namespace hib::swsusp
