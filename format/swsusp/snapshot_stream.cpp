#include "format/swsusp/snapshot_stream.h"

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kSmallestImage = 3;  // info page, a PFN page, a data page

}  // namespace

// The page size is the one for which size = pages * page size holds; the other numbers have to be possible
// too.
std::optional<InfoPage> find_snapshot_info(ByteView head, std::uint64_t file_bytes) {
  for (const std::uint32_t page_size : kPageSizes) {
    if (head.size() < page_size) break;
    auto info = decode_info_page(head.first(page_size), {page_size, 8, false}, false, 0);
    if (!info || info->pages < kSmallestImage || info->pages > kMaxPfn || info->num_physpages > kMaxPfn)
      continue;
    const std::uint64_t per_page = info->abi.words_per_page();
    const std::uint64_t most_pfn_pages = info->num_physpages / per_page + 1;
    const bool possible = info->image_pages <= info->num_physpages &&
                          info->pfn_page_count() <= most_pfn_pages &&
                          info->pfn_page_count() * per_page >= info->image_pages;
    if (possible && file_bytes >= 2 * std::uint64_t{page_size}) return std::move(*info);
  }
  return std::nullopt;
}

Result<std::unique_ptr<PageStream>> SnapshotStream::open(std::shared_ptr<const File> file) {
  auto stream = std::unique_ptr<SnapshotStream>(new SnapshotStream(std::move(file)));
  TRY(const auto head,
      stream->file().read_at(
          0, std::min<std::uint64_t>(stream->file().size(), kPageSizes[std::size(kPageSizes) - 1])));
  auto info = find_snapshot_info(head, stream->file().size());
  if (!info)
    return fail(stream->file().error(ErrorKind::Corrupt, 0, "info page", "counts that do not fit together",
                                     "a stream of /dev/snapshot"));
  stream->info_page_ = std::move(*info);
  const std::uint64_t wanted = stream->page_count() * stream->page_size();
  const std::uint64_t have = stream->file().size();
  if (have < wanted) {
    stream->damage_.push_back(
        {stream->file().error(
             ErrorKind::Truncated, have, "stream", fmt::format("ends after {} bytes", have),
             fmt::format("{}, the {} pages that the info page counts", wanted, stream->page_count())),
         {}});
  }
  stream->layers_.push_back(
      {"stream", have >= wanted ? LayerResult::Ok : LayerResult::Bad,
       fmt::format("{} of {} pages", grouped(std::min(have / stream->page_size(), stream->page_count())),
                   grouped(stream->page_count()))});
  return std::unique_ptr<PageStream>(std::move(stream));
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
