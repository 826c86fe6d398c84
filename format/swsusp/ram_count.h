// How many pages of RAM a kernel counts, by the nodes (struct pglist_data) in its memory. The info page's
// num_physpages is that sum.
#pragma once

#include <optional>

#include "format/swsusp/info_page.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib::swsusp {

// VMCOREINFO in `machine` says where the nodes lie, or the kernel's symbols do. Nothing where neither does,
// or the page tables of `restore` do not lead there.
std::optional<std::uint64_t> count_ram(const ImageReader& image, const Abi& abi, const RestoreRecord& restore,
                                       const Record& machine);

}  // namespace hib::swsusp
