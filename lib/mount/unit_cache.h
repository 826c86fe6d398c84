// Decoded units, those that were used last. Whoever asks for one that is being decoded waits for it: nothing
// is decoded twice at the same time. All functions may be called from several threads at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "lib/mount/page_table.h"

namespace hib::mount {

class DecodedUnit {
 public:
  DecodedUnit(PageBatch batch, std::uint32_t page_size);

  // What became of a page: a fill, bytes, or neither. Null: the reader said nothing of it.
  const PageItem* find(Pfn pfn) const;
  std::uint64_t bytes() const { return bytes_; }  // of memory that it holds, about
  const std::vector<Damage>& damage() const { return batch_.damage; }

 private:
  PageBatch batch_;
  std::uint64_t bytes_;
};

class UnitCache {
 public:
  using Decode = std::function<DecodedUnit(std::size_t unit)>;  // called without a lock, by many threads

  // Keeps units of `limit_bytes` together, and at least one. What is in use beside them is not counted.
  UnitCache(std::uint64_t limit_bytes, Decode decode) : limit_(limit_bytes), decode_(std::move(decode)) {}

  std::shared_ptr<const DecodedUnit> get(std::size_t unit);   // decoded by this thread, if by no other
  std::shared_ptr<const DecodedUnit> find(std::size_t unit);  // null: not there, or not yet
  bool is_known(std::size_t unit) const;                      // there, or being decoded

 private:
  struct Entry {
    std::size_t unit = 0;
    std::shared_ptr<const DecodedUnit> decoded;  // null while it is being decoded
  };
  using Entries = std::list<Entry>;

  void forget(std::size_t unit);
  void keep(Entries::iterator entry, std::shared_ptr<const DecodedUnit> decoded);

  const std::uint64_t limit_;
  const Decode decode_;
  mutable std::mutex mutex_;
  std::condition_variable decoded_;
  Entries entries_;  // most recent first
  std::unordered_map<std::size_t, Entries::iterator> by_unit_;
  std::uint64_t held_ = 0;  // bytes
};

}  // namespace hib::mount
