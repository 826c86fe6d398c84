// The memory of the machine in an image by physical address, whichever pages that takes.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "lib/base/bytes.h"
#include "lib/base/error.h"
#include "lib/image/reader.h"

namespace hib {

// Reads change nothing but a cache of pages; one thread at a time. Borrows the image.
class PhysicalMemory {
 public:
  explicit PhysicalMemory(const ImageReader& image);

  std::uint32_t page_size() const { return page_size_; }
  std::uint64_t size_bytes() const { return end_pfn_ * page_size_; }  // one past the last page that is known

  // `out.size()` bytes from `address` on. The image's error where it does not hold a page of them, Corrupt
  // beyond the end of memory. Then `out` is partly written.
  Result<void> read(std::uint64_t address, MutableBytes out) const;

  // A layout type (le32, le64) at `address`.
  template <typename T>
  Result<T> object(std::uint64_t address) const {
    T value;
    TRY_OK(read(address, MutableBytes(value.raw)));
    return value;
  }

  std::uint64_t pages_read() const { return pages_read_; }  // asked of the image so far

 private:
  struct CachedPage {
    Pfn pfn = 0;
    std::unique_ptr<std::byte[]> bytes;
  };

  Result<ByteView> page(Pfn pfn) const;
  Result<void> read_page(Pfn pfn, MutableBytes out) const;

  const ImageReader* image_;
  std::uint32_t page_size_;
  Pfn end_pfn_;

  mutable std::list<CachedPage> recent_;  // the most recently used one first
  mutable std::unordered_map<Pfn, std::list<CachedPage>::iterator> cached_;
  mutable std::uint64_t pages_read_ = 0;
};

}  // namespace hib
