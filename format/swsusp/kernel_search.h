// What the pages of a hibernated kernel say of it, found without symbols: VMCOREINFO, the "Linux version"
// banner, and the processor's registers in saved_context.
#pragma once

#include <vector>

#include "format/swsusp/info_page.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib::swsusp {

// A "machine" record with what was found, and a "processors" record with a PRSTATUS note where the registers
// were. Reads only what lies around the kernel's own image, which the restore record leads to.
std::vector<Record> find_kernel(const ImageReader& image, const InfoPage& info);

}  // namespace hib::swsusp
