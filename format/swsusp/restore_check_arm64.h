// What can be proven of arm64's restore record.
#pragma once

#include "format/swsusp/restore_check.h"

namespace hib::swsusp {

// Adds damage to `check`, and mends its record where the pages tell. Whether the page tables of ttbr1_el1
// lead to the code of reenter_kernel, and to themselves.
bool check_arm64_record(const ImageReader& image, const InfoPage& info, std::uint64_t info_offset,
                        RecordCheck& check);

// The version of the kernel in the pages, which VMCOREINFO among `records` leads to, is that of the restore
// record: a kernel compares it with its own, and takes no other image. Nothing where the pages do not tell.
struct VersionCheck {
  Layer layer;
  std::optional<Damage> damage;
};
std::optional<VersionCheck> check_version(const ImageReader& image, const std::vector<Record>& records,
                                          const InfoPage& info, std::uint64_t info_offset);

}  // namespace hib::swsusp
