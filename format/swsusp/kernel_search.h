// What the pages of a hibernated kernel say of it, found without symbols: VMCOREINFO, the "Linux version"
// banner, and the processor's registers in saved_context.
#pragma once

#include <vector>

#include "format/swsusp/info_page.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib::swsusp {

// A "machine" record with what was found, and a "processors" record with a PRSTATUS note where the registers
// were. On x86-64, reads only what lies around the kernel's own image, which the restore record (`restore`:
// corrected, where `info` has a damaged one) leads to. Otherwise a PageSearch.
std::vector<Record> find_kernel(const ImageReader& image, const InfoPage& info, const RestoreRecord& restore);

}  // namespace hib::swsusp
