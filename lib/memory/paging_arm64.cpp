#include "lib/memory/paging_arm64.h"

#include <bit>

namespace hib::memory::arm64 {
namespace {

constexpr std::uint64_t kPageBit = 2;  // an entry of level 1 has it, and an entry that names a table
constexpr std::uint64_t kBelow48 = (std::uint64_t{1} << 48) - 1;
constexpr std::uint64_t kBelow50 = (std::uint64_t{1} << 50) - 1;
constexpr std::uint64_t kBelow52 = (std::uint64_t{1} << 52) - 1;
constexpr std::uint64_t kBits8And9 = 0x300;    // with LPA2: bits 50 and 51
constexpr std::uint64_t kBits12To15 = 0xF000;  // with pages of 64 KiB: bits 48 to 51

}  // namespace

Paging paging(std::uint64_t page_bytes, unsigned used_bits, bool is_wide) {
  Paging p;
  p.page_bits = static_cast<unsigned>(std::countr_zero(page_bytes));
  p.index_bits = p.page_bits - 3;
  p.levels = (used_bits - p.page_bits + p.index_bits - 1) / p.index_bits;
  p.used_bits = used_bits;
  p.high_bits = HighBits::Ones;
  p.last_bits = kPresent | kPageBit;
  p.page_mask = kPageBit;
  p.page_value = 0;
  const bool has_64k = p.page_bits == 16;
  p.large_levels = p.page_bits == 12 ? 3 : 2;
  if (is_wide || has_64k) ++p.large_levels;
  p.address_bits = (is_wide && !has_64k ? kBelow50 : kBelow48) & ~(page_bytes - 1);
  if (has_64k) {
    p.moved_bits = kBits12To15;
    p.moved_by = 36;
  } else if (is_wide) {
    p.moved_bits = kBits8And9;
    p.moved_by = 42;
  }
  p.top_bits = kBelow52 & ~(page_bytes - 1);
  return p;
}

std::vector<Paging> pagings(std::uint64_t page_bytes) {
  switch (page_bytes) {
    case 4096:
      return {paging(page_bytes, 48, false), paging(page_bytes, 52, true), paging(page_bytes, 39, false)};
    case 16384:
      return {paging(page_bytes, 52, true), paging(page_bytes, 47, false), paging(page_bytes, 48, false),
              paging(page_bytes, 36, false)};
    case 65536:
      return {paging(page_bytes, 52, false), paging(page_bytes, 48, false), paging(page_bytes, 42, false)};
    default: return {};
  }
}

}  // namespace hib::memory::arm64
