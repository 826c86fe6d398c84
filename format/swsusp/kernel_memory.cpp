#include "format/swsusp/kernel_memory.h"

#include <algorithm>
#include <bit>

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kFrame = 0x000FFFFFFFFFF000;
constexpr std::uint64_t kPresent = 1;
constexpr std::uint64_t kLarge = 0x80;
constexpr std::uint64_t kPaePointers = ~std::uint64_t{31};  // the table of four entries lies at 32 bytes
constexpr unsigned kFirstEncryptionBit = 32;

// The bit that SME sets in cr3 and in every entry; 0 without it. A flipped bit of cr3 is in no entry.
std::uint64_t encryption_bit(const KernelMemory& memory, std::uint64_t cr3, std::uint64_t index) {
  const std::uint64_t frame = cr3 & kFrame;
  if (frame >> kFirstEncryptionBit == 0) return 0;
  const std::uint64_t top = std::bit_floor(frame);
  const auto entry = memory.word((frame & ~top) + index * 8);
  return entry && (*entry & kPresent) != 0 && (*entry & top) != 0 ? top : 0;
}

std::optional<std::uint64_t> translate_plain(const KernelMemory& memory, std::uint64_t cr3,
                                             std::uint64_t address) {
  const auto directory = memory.word32((cr3 & 0xFFFFF000) + ((address >> 22) & 1023) * 4);
  if (!directory || (*directory & kPresent) == 0) return std::nullopt;
  if ((*directory & kLarge) != 0) return (*directory & 0xFFC00000) | (address & 0x3FFFFF);
  const auto entry = memory.word32((*directory & 0xFFFFF000) + ((address >> 12) & 1023) * 4);
  if (!entry || (*entry & kPresent) == 0) return std::nullopt;
  return (*entry & 0xFFFFF000) | (address & 0xFFF);
}

}  // namespace

bool KernelMemory::read(std::uint64_t physical, MutableBytes out) const {
  std::vector<std::byte> page(page_size_);
  while (!out.empty()) {
    if (physical >= kMaxPfn * page_size_ || !image_.read_page(physical / page_size_, page)) return false;
    const std::uint64_t into = physical % page_size_;
    const std::size_t size = std::min<std::size_t>(out.size(), page_size_ - into);
    std::memcpy(out.data(), page.data() + into, size);
    out = out.subspan(size);
    physical += size;
  }
  return true;
}

std::optional<std::uint64_t> KernelMemory::word(std::uint64_t physical) const {
  le64 value;
  if (!read(physical, MutableBytes(value.raw))) return std::nullopt;
  return std::uint64_t{value};
}

std::optional<std::uint32_t> KernelMemory::word32(std::uint64_t physical) const {
  le32 value;
  if (!read(physical, MutableBytes(value.raw))) return std::nullopt;
  return std::uint32_t{value};
}

std::optional<std::uint64_t> translate(const KernelMemory& memory, Paging paging, std::uint64_t cr3,
                                       std::uint64_t address) {
  if (paging == Paging::Plain32) return translate_plain(memory, cr3, address);
  const bool pae = paging == Paging::Pae32;
  const int levels = pae ? 3 : paging == Paging::Levels4 ? 4 : 5;
  const auto index = [&](int level) {
    return (address >> (12 + 9 * (level - 1))) & (pae && level == 3 ? 3 : 511);
  };
  const std::uint64_t encrypted = pae ? 0 : encryption_bit(memory, cr3, index(levels));
  std::uint64_t table = (pae ? cr3 & kPaePointers : cr3 & kFrame) & ~encrypted;
  for (int level = levels; level >= 1; --level) {
    const auto entry = memory.word(table + index(level) * 8);
    if (!entry || (*entry & kPresent) == 0) return std::nullopt;
    const std::uint64_t frame = *entry & kFrame & ~encrypted;
    const std::uint64_t inside = (std::uint64_t{1} << (12 + 9 * (level - 1))) - 1;
    const bool may_be_large = level == 2 || (level == 3 && !pae);
    if (level == 1 || (may_be_large && (*entry & kLarge) != 0)) return (frame & ~inside) | (address & inside);
    table = frame;
  }
  return std::nullopt;
}

}  // namespace hib::swsusp
