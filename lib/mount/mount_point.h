// The folder that an image is mounted on.
#pragma once

#include <string>

#include "lib/base/error.h"

namespace hib::mount {

// Its absolute path. Refused where it is not empty, unless `may_be_full`: what is in it would not be seen any
// more.
Result<std::string> check_mount_point(const std::string& path, bool may_be_full);

}  // namespace hib::mount
