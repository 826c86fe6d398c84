// What makes memory comparable between formats: the digest of an image's content, and the hashes of pages of
// one byte.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "lib/codec/hash.h"
#include "lib/image/pages.h"

namespace hib {

// The digest that is equal for equal memory in every format: over le64(pfn) ‖ canonical page hash of every
// present page, in ascending PFN order.
class ContentDigest {
 public:
  void add(Pfn pfn, const Hash128& page_hash);
  void add_run(Pfn first, std::uint64_t count, const Hash128& page_hash);  // `count` equal pages
  Hash128 digest();
  static std::string text(const Hash128& digest);  // "xxh3-128:…"

 private:
  void flush();
  static constexpr std::size_t kEntryBytes = 24;
  static constexpr std::size_t kBufferedEntries = 1024;
  Hasher128 hasher_;
  std::array<std::byte, kEntryBytes * kBufferedEntries> buffer_{};
  std::size_t used_ = 0;
};

// The hash of a page of `page_size` bytes that all equal `fill`; computed once per value.
class FillHashes {
 public:
  explicit FillHashes(std::uint32_t page_size);
  const Hash128& of(std::uint8_t fill) const { return hashes_[fill]; }

 private:
  std::array<Hash128, 256> hashes_;
};

}  // namespace hib
