#include "format/swsusp/carve/marks.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "format/swsusp/info_page.h"
#include "format/swsusp/layout.h"
#include "format/swsusp/uswsusp_stream.h"
#include "lib/image/pages.h"

namespace hib::swsusp {
namespace {

// More than its size must agree: the counts with num_physpages too (info_page.cpp weighs them).
constexpr unsigned kInfoPageEvidence = 8;
constexpr std::uint64_t kTooManyBytes = kTooManyBlocks * kPageSizes[0];

bool each_is_named_once(ByteView page, const Abi& abi, std::size_t count) {
  std::vector<std::uint64_t> entries(count);
  for (std::size_t i = 0; i < count; ++i) entries[i] = abi.u64(page, i * kMapEntryBytes);
  if (std::is_sorted(entries.begin(), entries.end(), std::less_equal<>())) return true;
  std::sort(entries.begin(), entries.end());
  return std::adjacent_find(entries.begin(), entries.end()) == entries.end();
}

// The abi for which size = pages * page size holds, if any: two loads tell for nearly every page that there
// is none.
std::optional<Abi> abi_of_size(ByteView head, std::uint32_t word_bytes, bool big_endian) {
  Abi abi{0, word_bytes, big_endian};
  const InfoOffsets& at = info_offsets(abi);
  const std::uint64_t pages = abi.word(head, at.pages);
  const std::uint64_t size = abi.word(head, at.size);
  if (pages == 0 || pages > kMaxPfn) return std::nullopt;
  for (const std::uint32_t page_size : kPageSizes) {
    if (((pages * page_size) & abi.word_max()) != size) continue;
    abi.page_size = page_size;
    return abi;
  }
  return std::nullopt;
}

}  // namespace

std::optional<MapPageMark> map_page_mark(ByteView page, const Abi& abi) {
  MapPageMark mark;
  mark.first_entry = abi.u64(page, 0);
  if (mark.first_entry == 0 || mark.first_entry >= kTooManyBlocks) return std::nullopt;
  const std::size_t most = abi.map_entries();
  mark.next = abi.u64(page, most * kMapEntryBytes);
  mark.smallest = mark.first_entry;
  mark.largest = mark.next;
  if (mark.next >= kTooManyBlocks) return std::nullopt;
  std::size_t count = 0;
  for (; count < most; ++count) {
    const std::uint64_t entry = abi.u64(page, count * kMapEntryBytes);
    if (entry == 0) break;
    if (entry >= kTooManyBlocks) return std::nullopt;
    mark.last_entry = entry;
    mark.smallest = std::min(mark.smallest, entry);
    mark.largest = std::max(mark.largest, entry);
  }
  if (count < most && mark.next != 0) return std::nullopt;
  for (std::size_t i = count; i < most; ++i) {
    if (abi.u64(page, i * kMapEntryBytes) != 0) return std::nullopt;
  }
  if (!each_is_named_once(page, abi, count)) return std::nullopt;
  mark.entries = static_cast<std::uint32_t>(count);
  return mark;
}

bool is_like_map_page(ByteView page, const Abi& abi, std::uint64_t block_count) {
  std::size_t used = abi.map_entries();
  while (used > 0 && abi.u64(page, (used - 1) * kMapEntryBytes) == 0) --used;
  std::size_t good = 0;
  for (std::size_t i = 0; i < used; ++i) {
    const std::uint64_t entry = abi.u64(page, i * kMapEntryBytes);
    good += entry != 0 && entry < block_count ? 1 : 0;
  }
  return used > 0 && good >= used - used / 4;
}

std::optional<Abi> info_page_mark(ByteView head) {
  for (const bool big_endian : {false, true}) {
    for (const std::uint32_t word_bytes : {8U, 4U}) {
      const auto abi = abi_of_size(head, word_bytes, big_endian);
      if (!abi || head.size() < abi->page_size) continue;
      const InfoPage info = read_info_page_as(head.first(abi->page_size), *abi);
      if (info.claims_agree() && info.evidence >= kInfoPageEvidence) return abi;
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> uswsusp_mark(ByteView page, const Abi& abi) {
  const UswsuspHeader header = decode_uswsusp_header(page, abi);
  const bool leads_somewhere =
      header.map_start != 0 && header.map_start % abi.page_size == 0 && header.map_start < kTooManyBytes;
  // What does not pack grows a little.
  const bool has_data = header.data_bytes != 0 && header.data_bytes / 2 / abi.page_size < header.pages;
  if (!header.is_plausible() || !leads_somewhere || !has_data) return std::nullopt;
  return header.map_start;
}

bool is_like_extents_page(ByteView page, const Abi& abi, std::uint64_t device_bytes) {
  const std::uint64_t start = abi.u64(page, 0);
  const std::uint64_t end = abi.u64(page, 8);
  return start != 0 && start < end && end <= device_bytes && start % abi.page_size == 0 &&
         end % abi.page_size == 0;
}

}  // namespace hib::swsusp
