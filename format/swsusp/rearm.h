// The reverse of what the kernel does when it begins to resume.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/image/reader.h"

namespace hib::swsusp {

// Writes the image's signature, and keeps the swap signature where the image had kept it. The caller has
// found out whether that is safe. Refused unless the swap area at `path` holds a consumed image.
Result<void> put_signature_back(const std::string& path, const OpenOptions& options);

}  // namespace hib::swsusp
