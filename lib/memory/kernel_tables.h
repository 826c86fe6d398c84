// Where the kernel's own page tables are, as VMCOREINFO says; each architecture says it in its own words.
#pragma once

#include <cstdint>

#include "lib/base/error.h"
#include "lib/image/record.h"
#include "lib/memory/page_tables.h"

namespace hib::memory {

struct KernelTables {
  PageTables tables;
  std::uint64_t image_offset = 0;  // virtual minus physical, the same everywhere in the kernel's image
};

// From the record "machine", of an image that counts in pages of `page_bytes`. NotFound where its VMCOREINFO
// does not say where the tables are; Unsupported for another architecture than x86-64 and arm64.
Result<KernelTables> kernel_tables(const Record& machine, std::uint64_t page_bytes);

}  // namespace hib::memory
