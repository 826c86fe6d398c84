// Physical memory of the machine in an image, and the page tables in it.
#pragma once

#include <optional>

#include "lib/image/reader.h"

namespace hib::swsusp {

class KernelMemory {
 public:
  explicit KernelMemory(const ImageReader& image) : image_(image), page_size_(image.info().page_size) {}

  // `out.size()` bytes from a physical address on; false when a page of it is not in the image.
  bool read(std::uint64_t physical, MutableBytes out) const;
  std::optional<std::uint64_t> word(std::uint64_t physical) const;    // of 8 bytes, little-endian
  std::optional<std::uint32_t> word32(std::uint64_t physical) const;  // of 4
  std::uint32_t page_size() const { return page_size_; }

 private:
  const ImageReader& image_;
  std::uint32_t page_size_;
};

// How x86 translates addresses. With memory encryption (SME), a bit of every entry that is no address is set.
enum class Paging { Levels4, Levels5, Pae32, Plain32 };

// Where `address` leads by the page tables that `cr3` names; nothing when a table is not in the image, or the
// address is not mapped.
std::optional<std::uint64_t> translate(const KernelMemory& memory, Paging paging, std::uint64_t cr3,
                                       std::uint64_t address);

}  // namespace hib::swsusp
