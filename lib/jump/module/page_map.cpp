#include "lib/jump/module/page_map.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "kernel-glue/include/uapi/linux/hibjump.h"
#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/image/runs.h"
#include "lib/jump/module/context.h"

namespace hib::jump {
namespace {

static_assert(HIBJUMP_MAP_FRAMES == kPageBytes * 8);

// struct hibjump_map as it lies in memory
struct MapIndex {
  le64 magic;
  le32 version;
  le32 page_count;
  le64 offline;
  le64 poisoned;
};
static_assert(sizeof(MapIndex) == sizeof(hibjump_map));

Result<void> check_map_index(const Cursor& in, const MapIndex& index, std::uint64_t index_bytes) {
  if (index.magic != HIBJUMP_MAP_MAGIC)
    return fail(in.corrupt("magic", hex(index.magic), hex(HIBJUMP_MAP_MAGIC)));
  if (index.version != HIBJUMP_VERSION)
    return fail(in.corrupt("version", std::to_string(index.version), std::to_string(HIBJUMP_VERSION)));
  if (sizeof(MapIndex) + std::uint64_t{index.page_count} * sizeof(le64) != index_bytes)
    return fail(in.corrupt("page_count", std::to_string(index.page_count),
                           fmt::format("as many as {} bytes name", index_bytes)));
  return {};
}

// Runs of set bits, word by word: most words have none or all of them.
void append_set_bits(ByteView bits, Pfn first, std::vector<PfnRange>& ranges) {
  for (std::size_t at = 0; at < bits.size(); at += sizeof(le64)) {
    le64 raw;
    std::copy_n(bits.begin() + static_cast<std::ptrdiff_t>(at), sizeof(raw), raw.raw.begin());
    std::uint64_t word = raw;
    for (unsigned bit = 0; word != 0;) {
      const auto skipped = static_cast<unsigned>(std::countr_zero(word));
      word >>= skipped;
      bit += skipped;
      const auto count = static_cast<unsigned>(std::countr_one(word));
      append_range(ranges, {first + at * 8 + bit, count});
      bit += count;
      word = count == 64 ? 0 : word >> count;
    }
  }
}

}  // namespace

Result<PageMap> read_page_map(const MemoryRange& place, const ReadPhysical& read) {
  PageMap map;
  if (place.bytes == 0) return map;
  if (place.bytes < sizeof(MapIndex) || place.bytes > kMaxMapIndexBytes)
    return fail(make_error(ErrorKind::Corrupt, "map of pages: index", fmt::format("{} bytes", place.bytes),
                           fmt::format("{} to {}", sizeof(MapIndex), kMaxMapIndexBytes)));
  std::vector<std::byte> raw(place.bytes);
  TRY_OK(read(place.start, raw));
  Cursor in(raw, place.start, "map of pages");
  TRY(const MapIndex index, in.read<MapIndex>("index"));
  TRY_OK(check_map_index(in, index, place.bytes));
  std::vector<std::byte> bits(kPageBytes);
  for (Pfn first = 0; !in.at_end(); first += HIBJUMP_MAP_FRAMES) {
    TRY(const le64 page, in.read<le64>("page"));
    if (page == 0) continue;
    if (page % kPageBytes != 0) return fail(in.corrupt("page", hex(page), "the address of one"));
    TRY_OK(read(page, bits));
    append_set_bits(bits, first, map.pages);
  }
  map.offline = index.offline;
  map.poisoned = index.poisoned;
  return map;
}

std::vector<PfnRange> pages_of_both(const std::vector<PfnRange>& a, const std::vector<PfnRange>& b) {
  std::vector<PfnRange> both;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  std::vector<PfnRange> merged;
  for (const PfnRange& range : both) {
    if (merged.empty() || range.first > merged.back().first + merged.back().second) {
      merged.push_back(range);
      continue;
    }
    PfnRange& last = merged.back();
    last.second = std::max(last.first + last.second, range.first + range.second) - last.first;
  }
  return merged;
}

}  // namespace hib::jump
