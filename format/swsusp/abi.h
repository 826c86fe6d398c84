// The machine that wrote an image: page size, size of a long, byte order. Everything multi-byte in an image
// is read and written through it.
#pragma once

#include "lib/base/bytes.h"

namespace hib::swsusp {

struct Abi {
  std::uint32_t page_size = 4096;
  std::uint32_t word_bytes = 8;
  bool big_endian = false;

  template <typename T>
  T get(ByteView bytes, std::size_t offset) const {
    T value;
    std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
    return big_endian == (std::endian::native == std::endian::big) ? value : hib::detail::swap_bytes(value);
  }
  template <typename T>
  void put(MutableBytes bytes, std::size_t offset, T value) const {
    if (big_endian != (std::endian::native == std::endian::big)) value = hib::detail::swap_bytes(value);
    std::memcpy(bytes.subspan(offset, sizeof(T)).data(), &value, sizeof(T));
  }

  std::uint32_t u32(ByteView bytes, std::size_t offset) const { return get<std::uint32_t>(bytes, offset); }
  std::uint64_t u64(ByteView bytes, std::size_t offset) const { return get<std::uint64_t>(bytes, offset); }
  // An unsigned long.
  std::uint64_t word(ByteView bytes, std::size_t offset) const {
    return word_bytes == 8 ? get<std::uint64_t>(bytes, offset) : get<std::uint32_t>(bytes, offset);
  }
  void put_word(MutableBytes bytes, std::size_t offset, std::uint64_t value) const {
    if (word_bytes == 8)
      put<std::uint64_t>(bytes, offset, value);
    else
      put<std::uint32_t>(bytes, offset, static_cast<std::uint32_t>(value));
  }
  std::uint64_t word_max() const { return word_bytes == 8 ? ~std::uint64_t{0} : 0xFFFFFFFF; }
  std::uint64_t words_per_page() const { return page_size / word_bytes; }
  std::uint64_t map_entries() const { return page_size / 8 - 1; }

  friend bool operator==(const Abi&, const Abi&) = default;
};

}  // namespace hib::swsusp
