#include "lib/image/content_digest.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace hib {

void ContentDigest::add(Pfn pfn, const Hash128& page_hash) {
  if (used_ == buffer_.size()) flush();
  const le64 number = pfn;
  const be64 high = page_hash.high;
  const be64 low = page_hash.low;
  std::byte* entry = buffer_.data() + used_;
  std::memcpy(entry, &number, 8);
  std::memcpy(entry + 8, &high, 8);
  std::memcpy(entry + 16, &low, 8);
  used_ += kEntryBytes;
}

void ContentDigest::add_run(Pfn first, std::uint64_t count, const Hash128& page_hash) {
  for (std::uint64_t i = 0; i < count; ++i) add(first + i, page_hash);
}

Hash128 ContentDigest::digest() {
  flush();
  return hasher_.digest();
}

std::string ContentDigest::text(const Hash128& digest) { return "xxh3-128:" + to_hex(digest); }

void ContentDigest::flush() {
  hasher_.update(ByteView(buffer_).first(used_));
  used_ = 0;
}

FillHashes::FillHashes(std::uint32_t page_size) {
  std::vector<std::byte> page(page_size);
  for (std::size_t value = 0; value < hashes_.size(); ++value) {
    std::fill(page.begin(), page.end(), static_cast<std::byte>(value));
    hashes_[value] = hash128(page);
  }
}

}  // namespace hib
