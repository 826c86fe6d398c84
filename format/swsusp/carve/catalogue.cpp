#include "format/swsusp/carve/catalogue.h"

#include <algorithm>

#include "format/swsusp/layout.h"
#include "lib/base/text.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kStep = kPageSizes[0];
constexpr std::uint64_t kLargestPage = kPageSizes[std::size(kPageSizes) - 1];
constexpr std::uint64_t kWindowBytes = 4 << 20;
constexpr std::uint64_t kOldFirstSector = 63 * 512;  // where DOS began the first partition

// Where a page can begin, modulo the smallest page.
std::vector<std::uint64_t> page_alignments(const std::vector<Partition>& partitions) {
  std::vector<std::uint64_t> alignments = {0, kOldFirstSector % kStep};
  for (const Partition& partition : partitions) {
    const std::uint64_t alignment = partition.offset % kStep;
    if (std::find(alignments.begin(), alignments.end(), alignment) == alignments.end())
      alignments.push_back(alignment);
  }
  return alignments;
}

bool ends_with_signature(ByteView page) {
  const std::string_view sig = as_text(page.subspan(kStep - kSigFromEnd, kSigBytes));
  return sig == kSigSwap2 || sig == kSigSwap1 || sig == kSigArmed || sig == kSigArmedOld ||
         sig == kSigUswsusp;
}

class StockTaker {
 public:
  StockTaker(const File& file, const std::vector<Partition>& partitions, Catalogue& catalogue)
      : file_(file), alignments_(page_alignments(partitions)), catalogue_(catalogue) {}

  Result<void> look(DeviceRange part, const CarveProgress& progress) {
    const std::uint64_t end = std::min(part.end(), file_.size());
    for (std::uint64_t at = part.start; at < end;) {
      const DeviceRange data = file_.data_from(at);
      if (data.bytes == 0) break;
      const std::uint64_t data_end = std::min(data.end(), end);
      for (at = data.start / kStep * kStep; at < data_end; at += kWindowBytes) {
        if (cancelled()) return fail(cancelled_error());
        if (progress) progress(at, file_.size());
        look_through_window(at, std::min(kWindowBytes, data_end - at));
      }
      at = data_end;
    }
    return {};
  }

 private:
  // Pages that begin in these bytes; they may end behind them.
  void look_through_window(std::uint64_t start, std::uint64_t size) {
    const std::uint64_t with_last = std::min(size + kLargestPage + kStep, file_.size() - start);
    window_.resize(with_last);
    read(start, window_, size);
    for (const std::uint64_t alignment : alignments_) {
      for (std::uint64_t at = alignment; at < size && at + kStep <= with_last; at += kStep)
        look_at(start + at, ByteView(window_).subspan(at));
    }
  }

  // What cannot be read is zero, and is counted up to `counted_bytes`.
  void read(std::uint64_t offset, MutableBytes out, std::uint64_t counted_bytes) {
    if (file_.read_at(offset, out)) return;
    for (std::size_t at = 0; at < out.size() && !cancelled(); at += kStep) {
      const MutableBytes page = out.subspan(at, std::min<std::size_t>(kStep, out.size() - at));
      if (file_.read_at(offset + at, page)) continue;
      std::fill(page.begin(), page.end(), std::byte{0});
      if (at < counted_bytes) catalogue_.unreadable_bytes += page.size();
    }
  }

  void look_at(std::uint64_t offset, ByteView from_here) {
    look_for_map_page(offset, from_here);
    if (const auto abi = info_page_mark(from_here))
      keep(catalogue_.info_pages, {offset, *abi}, Catalogue::kMostInfoPages);
    if (ends_with_signature(from_here)) look_for_header(offset + kStep);
    look_for_uswsusp(offset, from_here);
  }

  // One page can look like the beginning of a larger one: which it is, the chain will tell.
  void look_for_map_page(std::uint64_t offset, ByteView from_here) {
    for (const bool big_endian : {false, true}) {
      const std::uint64_t first = Abi{kPageSizes[0], 8, big_endian}.u64(from_here, 0);
      if (first == 0 || first >= kTooManyBlocks) continue;
      for (const std::uint32_t page_size : kPageSizes) {
        if (page_size > from_here.size()) break;
        const Abi abi{page_size, 8, big_endian};
        const auto mark = map_page_mark(from_here.first(page_size), abi);
        if (mark) keep(catalogue_.map_pages, {offset, abi, *mark}, Catalogue::kMostMapPages);
      }
    }
  }

  // `end`: of the page of some size that a signature ends.
  void look_for_header(std::uint64_t end) {
    if (catalogue_.headers.size() >= Catalogue::kMostHeaders) {
      ++catalogue_.left_out;
      return;
    }
    for (const std::uint32_t page_size : kPageSizes) {
      if (page_size > end) break;
      const auto page = file_.read_at(end - page_size, page_size);
      if (!page) continue;
      const auto header = find_header(*page);
      if (!header || header->page_size != page_size || header->swap_version != 1) continue;
      keep(catalogue_.headers, {end - page_size, *header}, Catalogue::kMostHeaders);
      return;
    }
  }

  void look_for_uswsusp(std::uint64_t offset, ByteView from_here) {
    for (const bool big_endian : {false, true}) {
      const Abi abi{kPageSizes[0], 8, big_endian};
      const auto map_start = uswsusp_mark(from_here.first(abi.page_size), abi);
      if (map_start) keep(catalogue_.uswsusp, {offset, abi, *map_start}, Catalogue::kMostUswsusp);
    }
  }

  template <typename Found>
  void keep(std::vector<Found>& found, Found one, std::size_t most) {
    if (found.size() < most)
      found.push_back(std::move(one));
    else
      ++catalogue_.left_out;
  }

  const File& file_;
  std::vector<std::uint64_t> alignments_;
  Catalogue& catalogue_;
  std::vector<std::byte> window_;
};

template <typename Found>
void sort_by_offset(std::vector<Found>& found) {
  std::stable_sort(found.begin(), found.end(),
                   [](const Found& a, const Found& b) { return a.offset < b.offset; });
}

}  // namespace

Result<void> take_stock_of(const File& file, DeviceRange part, const std::vector<Partition>& partitions,
                           Catalogue& catalogue, const CarveProgress& progress) {
  TRY_OK(StockTaker(file, partitions, catalogue).look(part, progress));
  sort_by_offset(catalogue.map_pages);
  sort_by_offset(catalogue.info_pages);
  sort_by_offset(catalogue.headers);
  sort_by_offset(catalogue.uswsusp);
  return {};
}

Result<Catalogue> take_stock(const File& file, const std::vector<Partition>& partitions,
                             const CarveProgress& progress) {
  Catalogue catalogue;
  TRY_OK(take_stock_of(file, {0, file.size()}, partitions, catalogue, progress));
  return catalogue;
}

}  // namespace hib::swsusp
