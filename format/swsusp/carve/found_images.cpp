#include "format/swsusp/carve/found_images.h"

#include <algorithm>

namespace hib::swsusp {
namespace {

bool lies_in(const FoundImage& image, std::uint64_t offset) {
  const auto after = std::upper_bound(image.bytes.begin(), image.bytes.end(), offset,
                                      [](std::uint64_t o, const auto& range) { return o < range.first; });
  return after != image.bytes.begin() && offset < std::prev(after)->second;
}

// A kernel may have had pages of an image in its cache, and saved them. And if the device began elsewhere, a
// PFN page of an image could be a map page.
bool is_content(const FoundImage& one, const FoundImage& of) {
  if (one.image.offset == of.image.offset || !lies_in(of, one.image.offset)) return false;
  const bool is_elsewhere = one.image.at.device_start != of.image.at.device_start;
  const bool is_less = one.image.kind == CarvedKind::Remains && of.image.kind == CarvedKind::Image;
  return of.proves_content || (is_elsewhere && is_less);
}

}  // namespace

BlockSet bytes_of(const BlockSpace& space, const std::vector<BlockList::Run>& blocks) {
  BlockSet bytes;
  for (const BlockList::Run& run : blocks) {
    if (const auto offset = space.file_offset(run.block))
      bytes.emplace_back(*offset, *offset + run.count * space.page_size());
  }
  return in_order(std::move(bytes));
}

bool FoundImages::is_in_one(std::uint64_t offset) const {
  return std::any_of(found_.begin(), found_.end(),
                     [&](const FoundImage& image) { return lies_in(image, offset); });
}

bool FoundImages::is_content_of_another(const FoundImage& one) const {
  return std::any_of(found_.begin(), found_.end(),
                     [&](const FoundImage& other) { return is_content(one, other); });
}

std::vector<CarvedImage> FoundImages::take() && {
  std::vector<const FoundImage*> kept;
  for (const FoundImage& one : found_) {
    if (!is_content_of_another(one)) kept.push_back(&one);
  }
  std::stable_sort(kept.begin(), kept.end(), [](const FoundImage* a, const FoundImage* b) {
    return a->image.offset < b->image.offset;
  });
  std::vector<CarvedImage> images;
  for (const FoundImage* one : kept) images.push_back(one->image);
  return images;
}

}  // namespace hib::swsusp
