// Where a machine could have written an image to.
#pragma once

#include <string>
#include <vector>

#include "lib/diagnose/preflight/facts.h"

namespace hib::diagnose {

// Paths of devices and swap files of this machine, each once: where the next boot would look, what its kernel
// was told, and its swap areas, whether they are in use or only in fstab. Without zram.
std::vector<std::string> candidates_of(const PreflightFacts& facts);

}  // namespace hib::diagnose
