// The reverse of what the kernel does when it begins to resume.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/image/reader.h"

namespace hib::swsusp {

// The swap signature goes back to where the image had kept it, the image's own takes its place. Whether that
// is safe is the caller's to know. Refused unless the area at `path` holds a consumed image.
Result<void> put_signature_back(const std::string& path, const OpenOptions& options);

}  // namespace hib::swsusp
