// Where a machine could have written an image to.
#pragma once

#include <string>
#include <vector>

namespace hib::diagnose {

// Paths of devices below /dev, of the machine whose /proc and /sys lie below `root` ("": this one), each
// once: what its kernel resumes from, and its swap areas. None of a captured machine, whose devices are not
// here.
std::vector<std::string> candidates_of(const std::string& root);

}  // namespace hib::diagnose
