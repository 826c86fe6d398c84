// What an image says of the machine's swap areas: the records "swap-areas" and "swapped-pages"
// (docs/format/records.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/image/record.h"

namespace hib {

// Of which area the swapped-out pages are that an image keeps.
struct SwappedRecord {
  std::string swap_uuid;   // empty: none
  std::string swap_label;  // the same
  bool exact = false;      // by the kernel's own account; false: all that the image did not lie in
};

Record encode(const SwappedRecord& swapped);
std::optional<SwappedRecord> swapped_record_in(const std::vector<Record>& records);

// One area that the machine used, as its kernel says. What the record lacks is nothing, not zero.
struct SwapAreaUse {
  std::optional<std::string> path;    // that swapon was given
  std::optional<std::string> device;  // on which it lies
  std::optional<std::string> kind;    // kSwapDevice, kSwapFile, kZram
  std::optional<std::uint64_t> slots;
  std::optional<std::uint64_t> used;  // of them
  bool holds_image = false;
};
inline constexpr std::string_view kSwapDevice = "device";
inline constexpr std::string_view kSwapFile = "file";
inline constexpr std::string_view kZram = "zram";

// Code of the finding: the image's area is known by its start alone.
inline constexpr std::string_view kSwapAreaEndUnknown = "swap-area-end-unknown";

Record encode(const std::vector<SwapAreaUse>& areas);
// Nothing where the image has no such record.
std::optional<std::vector<SwapAreaUse>> swap_areas_in(const std::vector<Record>& records);
// How many pages lie in the areas, beside zram. Nothing where that is not known of one of them.
std::optional<std::uint64_t> swapped_out(const std::vector<SwapAreaUse>& areas);

}  // namespace hib
