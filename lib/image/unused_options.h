// An option that no image of a command uses is an error: whoever gave it expects something of it.
#pragma once

#include <vector>

#include "lib/image/format.h"

namespace hib {

// The formats that an option of reading is for, whatever image it is: properties for Formats::titles_where().
bool takes_base_address(const Format& format);
bool takes_page_size(const Format& format);
bool takes_offset(const Format& format);
bool takes_place(const Format& format);  // --at

// `images`: all of the command.
Result<void> refuse_unused(const Formats& formats, const OpenOptions& options,
                           const std::vector<ImageInfo>& images);

}  // namespace hib
