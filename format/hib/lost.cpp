#include "format/hib/lost.h"

#include <algorithm>

#include "format/hib/block_writer.h"
#include "lib/image/runs.h"

namespace hib::hib_image {
namespace {

constexpr std::size_t kMaxLostRanges = 1U << 20;  // more than whole blocks can have

bool is_same_block(const ChunkEntry& a, const ChunkEntry& b) {
  return a.first_pfn == b.first_pfn && a.page_count == b.page_count && a.first_slot == b.first_slot &&
         a.slot_count == b.slot_count && a.payload_hash == b.payload_hash;
}

// Of a map that is not sound, none.
std::vector<PfnRange> pages_of(const Index& index, const ChunkEntry& chunk) {
  std::vector<PfnRange> pages;
  const auto runs = decode_map(index.map_of(chunk), chunk.offset, chunk.first_pfn, chunk.page_count,
                               chunk.first_slot, chunk.slot_count);
  if (!runs) return pages;
  for (const MapRun& run : *runs) {
    if (run.kind != MapKind::Hole) append_range(pages, {run.first, run.count});
  }
  return pages;
}

// A page map that says of them that they are unreadable, and of what lies between that it is no memory.
std::vector<std::byte> map_of_lost(const std::vector<PfnRange>& lost) {
  std::vector<std::byte> map;
  Pfn end = lost.front().first;
  for (const auto& [first, count] : lost) {
    if (first > end) append_map_entry(map, MapKind::Hole, first - end);
    append_map_entry(map, MapKind::Unreadable, count);
    end = first + count;
  }
  return map;
}

}  // namespace

ChunkEntry lost_chunk(const std::vector<PfnRange>& lost, std::uint64_t slot, std::vector<std::byte>& maps) {
  const std::vector<std::byte> map = map_of_lost(lost);
  ChunkEntry chunk;
  chunk.first_pfn = lost.front().first;
  chunk.page_count = lost.back().first + lost.back().second - chunk.first_pfn;
  chunk.first_slot = slot;
  chunk.map_bytes = static_cast<std::uint32_t>(map.size());
  chunk.map_position = maps.size();
  chunk.is_lost = true;
  maps.insert(maps.end(), map.begin(), map.end());
  return chunk;
}

std::optional<std::vector<PfnRange>> fill_from_index(Index& walked, const Index& told) {
  auto& chunks = walked.chunks;
  const auto is_before = [](Pfn first, const ChunkEntry& chunk) { return first < chunk.end_pfn(); };
  const auto begin = std::upper_bound(chunks.begin(), chunks.end(), told.chunks.front().first_pfn, is_before);
  std::vector<ChunkEntry> filled;
  std::vector<PfnRange> lost;
  bool is_of_this_image = false;
  const std::size_t map_bytes = walked.maps.size();
  const auto next_found = [&](auto at) {
    return std::find_if(at, chunks.end(), [](const ChunkEntry& c) { return !c.is_lost; });
  };
  auto found = next_found(begin);
  for (const ChunkEntry& chunk : told.chunks) {
    if (found != chunks.end() && is_same_block(*found, chunk)) {
      is_of_this_image = true;
      filled.push_back(*found);
      found = next_found(found + 1);
      continue;
    }
    if (lost.size() > kMaxLostRanges) break;
    const std::vector<PfnRange> pages = pages_of(told, chunk);
    if (pages.empty()) continue;
    filled.push_back(lost_chunk(pages, chunk.first_slot, walked.maps));
    for (const PfnRange& range : pages) append_range(lost, range);
  }
  const bool is_behind = begin == chunks.begin() || (begin - 1)->end_slot() <= told.first_slot;
  if (!is_of_this_image || !is_behind || found != chunks.end() || lost.size() > kMaxLostRanges) {
    walked.maps.resize(map_bytes);
    return std::nullopt;
  }
  chunks.erase(begin, chunks.end());
  chunks.insert(chunks.end(), filled.begin(), filled.end());
  return lost;
}

std::vector<PfnRange> common_ranges(const std::vector<PfnRange>& a, const std::vector<PfnRange>& b) {
  std::vector<PfnRange> common;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    const Pfn first = std::max(x->first, y->first);
    const Pfn end = std::min(x->first + x->second, y->first + y->second);
    if (first < end) append_range(common, {first, end - first});
    ++(x->first + x->second == end ? x : y);
  }
  return common;
}

}  // namespace hib::hib_image
