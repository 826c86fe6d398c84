#include "format/swsusp/memory_map_search.h"

#include <bit>
#include <tuple>

#include <fmt/format.h>

#include "lib/codec/crc32.h"
#include "lib/codec/md5.h"

namespace hib::swsusp {
namespace {

// struct e820_table (arch/x86/include/asm/e820/types.h): the number of entries, then address, size and type
// of each, packed. It is a copy by kmemdup(), so it begins where an object of kmalloc() can.
constexpr std::size_t kAlign = 32;
constexpr std::size_t kHeaderBytes = 4;
constexpr std::size_t kEntryBytes = 20;
constexpr std::uint32_t kRam = 1;
constexpr std::uint32_t kLastType = 255;
constexpr std::uint32_t kSoftReserved = 0xEFFFFFFF;
constexpr unsigned kMostDigestBits = 3;  // a digest that differs in more bits is another table's

// The number of entries of the table that may begin here; 0 where none does.
std::uint32_t entries_at(ByteView at) {
  le32 count;
  std::memcpy(&count, at.data(), sizeof(count));
  return count >= 2 && count <= (at.size() - kHeaderBytes) / kEntryBytes ? std::uint32_t{count} : 0;
}

// The bytes of a table of `count` entries: they ascend, and one of them is memory.
std::optional<std::size_t> table_bytes(ByteView at, std::uint32_t count) {
  const Abi abi;
  std::uint64_t end = 0;
  bool has_ram = false;
  for (std::size_t i = 0; i < count; ++i) {
    const ByteView entry = at.subspan(kHeaderBytes + i * kEntryBytes, kEntryBytes);
    const std::uint64_t start = abi.u64(entry, 0);
    const auto next = checked_add(start, abi.u64(entry, 8));
    const std::uint32_t type = abi.u32(entry, 16);
    if (!next || *next == start || start < end || type == 0 || (type > kLastType && type != kSoftReserved))
      return std::nullopt;
    end = *next;
    has_ram = has_ram || type == kRam;
  }
  if (!has_ram) return std::nullopt;
  return kHeaderBytes + count * kEntryBytes;
}

std::vector<MemoryMapEntry> entries_of(ByteView table) {
  const Abi abi;
  std::vector<MemoryMapEntry> entries;
  for (std::size_t at = kHeaderBytes; at + kEntryBytes <= table.size(); at += kEntryBytes) {
    const ByteView entry = table.subspan(at, kEntryBytes);
    const std::uint32_t type = abi.u32(entry, 16);
    entries.push_back({abi.u64(entry, 0), abi.u64(entry, 8), type, name_of_memory_type(type)});
  }
  return entries;
}

}  // namespace

MemoryMapSearch::MemoryMapSearch(const RestoreRecord& record) {
  if (record.memory_map_crc) wanted_ = fmt::format("{:08x}", *record.memory_map_crc);
  is_md5_ = record.memory_map_md5.has_value();
  if (is_md5_) wanted_ = *record.memory_map_md5;
}

void MemoryMapSearch::look_at(ByteView page) {
  if (!is_wanted() || is_found_) return;
  for (std::size_t at = 0; at + kHeaderBytes + 2 * kEntryBytes <= page.size(); at += kAlign) {
    const std::uint32_t count = entries_at(page.subspan(at));
    if (count == 0) continue;
    const auto size = table_bytes(page.subspan(at), count);
    if (!size) continue;
    std::string digest = digest_of(page.subspan(at, *size));
    const unsigned bits = differing_bits(digest, wanted_);
    const std::scoped_lock lock(mutex_);
    if (bits_ && std::tie(*bits_, found_) <= std::tie(bits, digest))
      continue;  // whichever thread comes first
    bits_ = bits;
    is_found_ = bits == 0;
    found_ = std::move(digest);
    const ByteView table = page.subspan(at, *size);
    table_.assign(table.begin(), table.end());
  }
}

MemoryMapSearch::Result MemoryMapSearch::result() const {
  const std::scoped_lock lock(mutex_);
  const LayerResult result = !bits_ || *bits_ > kMostDigestBits ? LayerResult::NotProvable
                             : *bits_ == 0                      ? LayerResult::Ok
                                                                : LayerResult::Bad;
  return {result, wanted_, found_,
          result == LayerResult::Ok ? entries_of(table_) : std::vector<MemoryMapEntry>()};
}

std::string MemoryMapSearch::digest_of(ByteView table) const {
  if (!is_md5_) return fmt::format("{:08x}", crc32(table));
  Md5 md5;
  md5.update(table);
  return hex_digest(md5.digest());
}

unsigned MemoryMapSearch::differing_bits(const std::string& a, const std::string& b) {
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  unsigned bits = 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i)
    bits += static_cast<unsigned>(std::popcount(digit(a[i]) ^ digit(b[i])));
  return bits;
}

}  // namespace hib::swsusp
