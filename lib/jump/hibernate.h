// Leaves the machine for the saver that arm has loaded.
#pragma once

#include <functional>
#include <string>

#include "lib/image/format.h"
#include "lib/jump/leave.h"

namespace hib::jump {

// Told at once: the machine may be off a moment later.
using Note = std::function<void(const std::string&)>;

// Returns when the machine goes on: after a rehearsal or a checkpoint, when the image could not be saved, and
// when the machine was restored from it. Fails when it was not armed for this, or its target has changed.
Result<Left> hibernate(const Formats& formats, Wish wish, const Note& note);

}  // namespace hib::jump
