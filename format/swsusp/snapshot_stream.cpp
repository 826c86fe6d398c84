#include "format/swsusp/snapshot_stream.h"

#include <fmt/format.h>

#include "format/swsusp/pfn_list.h"
#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kSmallestImage = 3;  // info page, a PFN page, a data page
constexpr std::size_t kStreamHeadBytes = 2 * std::size_t{kPageSizes[std::size(kPageSizes) - 1]};

bool counts_are_possible(const InfoPage& info) {
  if (!info.claims_agree() || info.pages < kSmallestImage || info.pages > kMaxPfn ||
      info.num_physpages > kMaxPfn)
    return false;
  const std::uint64_t most_pfn_pages = info.num_physpages / info.abi.words_per_page() + 1;
  return info.image_pages <= info.num_physpages && info.pfn_page_count() <= most_pfn_pages;
}

}  // namespace

// The page size is the one for which size = pages * page size holds; the other numbers have to be possible
// too. With a damaged info page, the PFNs behind it have to be PFNs.
std::optional<InfoPage> find_snapshot_info(ByteView head, std::uint64_t file_bytes) {
  for (const std::uint32_t page_size : kPageSizes) {
    if (head.size() < page_size || file_bytes < 2 * std::uint64_t{page_size}) break;
    InfoPage info = parse_info_page(head.first(page_size), {page_size, 8, false}, false);
    if (counts_are_possible(info)) return info;
    const bool holds_pfns = head.size() >= 2 * std::size_t{page_size} &&
                            PfnCounter(info.abi).add_page(head.subspan(page_size, page_size));
    if (info.evidence > 0 && holds_pfns) return info;
  }
  return std::nullopt;
}

Result<std::unique_ptr<PageStream>> SnapshotStream::open(std::shared_ptr<const File> file) {
  auto stream = std::unique_ptr<SnapshotStream>(new SnapshotStream(std::move(file)));
  TRY(const auto head,
      stream->file().read_at(0, std::min<std::uint64_t>(stream->file().size(), kStreamHeadBytes)));
  auto info = find_snapshot_info(head, stream->file().size());
  if (!info)
    return fail(stream->file().error(ErrorKind::Corrupt, 0, "info page", "counts that do not fit together",
                                     "a stream of /dev/snapshot"));
  stream->info_page_ = std::move(*info);
  stream->recount();
  return std::unique_ptr<PageStream>(std::move(stream));
}

void SnapshotStream::recount() {
  damage_.clear();
  layers_.clear();
  const std::uint64_t have = file_->size() / page_size();
  const bool is_whole = have >= page_count();
  if (!is_whole) {
    damage_.push_back(
        {file_->error(ErrorKind::Truncated, file_->size(), "stream",
                      fmt::format("ends after {} bytes", file_->size()),
                      fmt::format("the {} pages of {} bytes that it has", page_count(), page_size())),
         {}});
  }
  layers_.push_back(
      {"stream", is_whole ? LayerResult::Ok : LayerResult::Bad,
       fmt::format("{} of {} pages", grouped(std::min(have, page_count())), grouped(page_count()))});
}

std::uint64_t SnapshotStream::readable_chunks() const {
  const std::uint64_t pages = std::min(file_->size() / page_size(), page_count());
  return pages <= first_chunk_page_ ? 0 : (pages - first_chunk_page_ + kChunkPages - 1) / kChunkPages;
}

bool SnapshotStream::has_page(std::uint64_t page) const {
  return page < page_count() && page < file_->size() / page_size();
}

Result<void> SnapshotStream::read_page(std::uint64_t page, MutableBytes out) const {
  return file_->read_at(page * page_size(), out);
}

std::optional<std::uint64_t> SnapshotStream::chunk_offset(std::uint64_t number) const {
  return chunk(number).first_page * page_size();
}

Result<std::uint32_t> SnapshotStream::read_uncounted_chunk(std::uint64_t number, MutableBytes out) const {
  const std::uint64_t first = first_chunk_page_ + number * kChunkPages;
  const std::uint64_t have = file_->size() / page_size();
  const auto count =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(kChunkPages, have - std::min(first, have)));
  TRY_OK(file_->read_at(first * page_size(), out.first(std::size_t{count} * page_size())));
  return count;
}

Result<void> SnapshotStream::read_chunk(std::uint64_t number, MutableBytes out) const {
  return file_->read_at(*chunk_offset(number), out);
}

void SnapshotStream::label(RangeMap& map) const {
  const std::uint64_t size = file_->size();
  const std::uint64_t p = page_size();
  const auto add = [&](std::uint64_t first, std::uint64_t count, const char* label) {
    const std::uint64_t from = std::min(first * p, size);
    map.add(from, std::min(count * p, size - from), label);
  };
  const std::uint64_t pfn_pages = info_page_.pfn_page_count();
  add(0, 1, "info page");
  add(1, pfn_pages, "PFN pages");
  add(1 + pfn_pages, info_page_.image_pages, "data pages");
  const std::uint64_t end = std::min(page_count() * p, size);
  if (end < size) map.add(end, size - end, "after the stream");
}

}  // namespace hib::swsusp
