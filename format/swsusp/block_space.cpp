#include "format/swsusp/block_space.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib::swsusp {

BlockSpace::BlockSpace(std::shared_ptr<const File> file, std::uint32_t page_size, std::uint64_t base,
                       std::uint64_t size)
    : BlockSpace(std::move(file), page_size, {FileExtent{0, base, size}}) {}

BlockSpace::BlockSpace(std::shared_ptr<const File> file, std::uint32_t page_size,
                       std::vector<FileExtent> extents)
    : file_(std::move(file)), page_size_(page_size), extents_(std::move(extents)) {
  std::sort(extents_.begin(), extents_.end(),
            [](const FileExtent& a, const FileExtent& b) { return a.device_offset < b.device_offset; });
  std::uint64_t end = 0;
  for (FileExtent& extent : extents_) {  // cut to what is there, so that the sums below cannot wrap
    const std::uint64_t file_left = file_->size() - std::min(extent.file_offset, file_->size());
    extent.size = std::min({extent.size, file_left, ~std::uint64_t{0} - extent.device_offset});
    if (extent.device_offset < end) extent.size = 0;
    if (extent.size > 0) end = extent.device_offset + extent.size;
  }
  std::erase_if(extents_, [](const FileExtent& e) { return e.size == 0; });
  block_count_ = end / page_size_;
}

std::uint64_t BlockSpace::contiguous(std::uint64_t block, std::uint64_t count) const {
  if (block >= block_count_) return 0;
  const std::uint64_t start = block * page_size_;
  const auto it = std::upper_bound(extents_.begin(), extents_.end(), start,
                                   [](std::uint64_t s, const FileExtent& e) { return s < e.device_offset; });
  if (it == extents_.begin()) return 0;
  const FileExtent& extent = *std::prev(it);
  const std::uint64_t into = start - extent.device_offset;
  return into >= extent.size ? 0 : std::min(count, (extent.size - into) / page_size_);
}

std::optional<std::uint64_t> BlockSpace::file_offset(std::uint64_t block) const {
  if (contiguous(block, 1) == 0) return std::nullopt;
  const std::uint64_t start = block * page_size_;
  const auto it =
      std::prev(std::upper_bound(extents_.begin(), extents_.end(), start,
                                 [](std::uint64_t s, const FileExtent& e) { return s < e.device_offset; }));
  return it->file_offset + (start - it->device_offset);
}

std::string BlockSpace::label(std::string_view what, std::uint64_t block, std::uint64_t count) {
  return count == 1 ? fmt::format("{}, block {}", what, block)
                    : fmt::format("{}, blocks {} to {}", what, block, block + count - 1);
}

Result<void> BlockSpace::read(std::uint64_t block, MutableBytes out) const {
  while (!out.empty()) {
    const std::uint64_t wanted = (out.size() + page_size_ - 1) / page_size_;
    const std::uint64_t have = contiguous(block, wanted);
    if (have == 0) {
      return fail(file_->error(ErrorKind::Truncated, file_->size(), fmt::format("block {}", block),
                               "not in this file", fmt::format("below {}", block_count_)));
    }
    const std::size_t size = std::min<std::size_t>(out.size(), have * page_size_);
    TRY_OK(file_->read_at(*file_offset(block), out.first(size)));
    out = out.subspan(size);
    block += have;
  }
  return {};
}

}  // namespace hib::swsusp
