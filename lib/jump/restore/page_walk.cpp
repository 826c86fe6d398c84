#include "lib/jump/restore/page_walk.h"

#include <cstring>
#include <vector>

namespace hib::jump {
namespace {

constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kLarge = 1U << 7;
constexpr std::uint64_t kAddressMask = 0x000FFFFFFFFFF000;
constexpr unsigned kPageShift = 12;
constexpr unsigned kLargestShift = 30;  // of a page: 1 GiB
constexpr std::size_t kTableBytes = 4096;

}  // namespace

Result<std::optional<std::uint64_t>> translate(const ReadPhysicalPage& read, std::uint64_t table,
                                               bool five_levels, std::uint64_t address) {
  std::vector<std::byte> page(kTableBytes);
  for (unsigned shift = five_levels ? 48 : 39;; shift -= 9) {
    TRY_OK(read(table, page));
    le64 entry;
    std::memcpy(&entry, page.data() + (address >> shift & 511) * sizeof(entry), sizeof(entry));
    if ((entry & kPresent) == 0) return std::optional<std::uint64_t>();
    const std::uint64_t offset_mask = (std::uint64_t{1} << shift) - 1;
    if (shift == kPageShift || (shift <= kLargestShift && (entry & kLarge) != 0))
      return std::optional<std::uint64_t>((entry & kAddressMask & ~offset_mask) | (address & offset_mask));
    table = entry & kAddressMask;
  }
}

}  // namespace hib::jump
