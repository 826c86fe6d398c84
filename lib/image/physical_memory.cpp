#include "lib/image/physical_memory.h"

#include <algorithm>

#include <fmt/format.h>

namespace hib {
namespace {

constexpr std::size_t kCachedBytes = 8 << 20;

}  // namespace

PhysicalMemory::PhysicalMemory(const ImageReader& image)
    : image_(&image), page_size_(image.info().page_size), end_pfn_(image.info().end_pfn) {}

Result<void> PhysicalMemory::read_page(Pfn pfn, MutableBytes out) const {
  if (pfn >= end_pfn_)
    return fail(make_error(ErrorKind::Corrupt, "physical memory", fmt::format("PFN {:#x}", pfn),
                           fmt::format("below {:#x}, the end of memory", end_pfn_)));
  ++pages_read_;
  return image_->read_page(pfn, out);
}

// Valid until the next call.
Result<ByteView> PhysicalMemory::page(Pfn pfn) const {
  if (const auto it = cached_.find(pfn); it != cached_.end()) {
    recent_.splice(recent_.begin(), recent_, it->second);
    return ByteView(recent_.front().bytes.get(), page_size_);
  }
  CachedPage fresh;
  if (recent_.size() == kCachedBytes / page_size_) {
    fresh = std::move(recent_.back());
    cached_.erase(fresh.pfn);
    recent_.pop_back();
  } else {
    fresh.bytes = std::make_unique<std::byte[]>(page_size_);
  }
  TRY_OK(read_page(pfn, MutableBytes(fresh.bytes.get(), page_size_)));
  fresh.pfn = pfn;
  recent_.push_front(std::move(fresh));
  cached_[pfn] = recent_.begin();
  return ByteView(recent_.front().bytes.get(), page_size_);
}

Result<void> PhysicalMemory::read(std::uint64_t address, MutableBytes out) const {
  while (!out.empty()) {
    const Pfn pfn = address / page_size_;
    const std::uint64_t into = address % page_size_;
    const std::size_t size = std::min<std::size_t>(out.size(), page_size_ - into);
    if (size ==
        page_size_) {  // whole pages are asked for once: they would only drive others out of the cache
      TRY_OK(read_page(pfn, out.first(size)));
    } else {
      TRY(const ByteView found, page(pfn));
      std::memcpy(out.data(), found.data() + into, size);
    }
    out = out.subspan(size);
    address += size;
  }
  return {};
}

}  // namespace hib
