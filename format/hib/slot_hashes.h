// Hashes of the stored pages that were decoded and found good, so that a page that equals one of them need
// not be decoded again where only its hash is wanted.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "lib/codec/hash.h"

namespace hib::hib_image {

// Thread-safe.
class SlotHashes {
 public:
  // `limit`: no slot at or above it is kept. The caller takes it from the file's size, not from what the file
  // says.
  void reserve(std::uint64_t limit) { limit_ = limit; }

  void put(std::uint64_t slot, const Hash128& hash) {
    if (slot >= limit_) return;
    const std::scoped_lock lock(mutex_);
    if (slot >= hashes_.size()) hashes_.resize(slot + 1);
    hashes_[slot] = hash;
  }

  std::optional<Hash128> get(std::uint64_t slot) const {
    const std::scoped_lock lock(mutex_);
    if (slot >= hashes_.size() || hashes_[slot] == Hash128{}) return std::nullopt;
    return hashes_[slot];
  }

 private:
  mutable std::mutex mutex_;
  std::uint64_t limit_ = 0;
  std::vector<Hash128> hashes_;  // zero: not known
};

}  // namespace hib::hib_image
