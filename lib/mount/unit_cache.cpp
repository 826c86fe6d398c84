#include "lib/mount/unit_cache.h"

#include <algorithm>

namespace hib::mount {

DecodedUnit::DecodedUnit(PageBatch batch, std::uint32_t page_size) : batch_(std::move(batch)) {
  const auto with_bytes = std::count_if(batch_.items.begin(), batch_.items.end(),
                                        [](const PageItem& item) { return item.bytes != nullptr; });
  bytes_ = static_cast<std::uint64_t>(with_bytes) * page_size + batch_.items.size() * sizeof(PageItem);
}

const PageItem* DecodedUnit::find(Pfn pfn) const {
  const auto& items = batch_.items;
  const auto item = std::upper_bound(items.begin(), items.end(), pfn,
                                     [](Pfn p, const PageItem& i) { return p < i.run.end(); });
  return item == items.end() || pfn < item->run.first ? nullptr : &*item;
}

std::shared_ptr<const DecodedUnit> UnitCache::find(std::size_t unit) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_unit_.find(unit);
  if (found == by_unit_.end() || !found->second->decoded) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->decoded;
}

bool UnitCache::is_known(std::size_t unit) const {
  const std::scoped_lock lock(mutex_);
  return by_unit_.contains(unit);
}

std::shared_ptr<const DecodedUnit> UnitCache::get(std::size_t unit) {
  {
    std::unique_lock lock(mutex_);
    for (;;) {
      const auto found = by_unit_.find(unit);
      if (found == by_unit_.end()) break;
      if (found->second->decoded) {
        entries_.splice(entries_.begin(), entries_, found->second);
        return found->second->decoded;
      }
      decoded_.wait(lock);
    }
    entries_.push_front({unit, nullptr});
    by_unit_[unit] = entries_.begin();
  }
  std::shared_ptr<const DecodedUnit> decoded;
  try {
    decoded = std::make_shared<const DecodedUnit>(decode_(unit));
  } catch (...) {  // no memory: whoever waits has to try
    forget(unit);
    throw;
  }
  const std::scoped_lock lock(mutex_);
  keep(by_unit_.at(unit), decoded);
  decoded_.notify_all();
  return decoded;
}

void UnitCache::forget(std::size_t unit) {
  const std::scoped_lock lock(mutex_);
  const auto found = by_unit_.find(unit);
  entries_.erase(found->second);
  by_unit_.erase(found);
  decoded_.notify_all();
}

// The oldest make room; those that are being decoded have somebody who waits for them.
void UnitCache::keep(Entries::iterator entry, std::shared_ptr<const DecodedUnit> decoded) {
  held_ += decoded->bytes();
  entry->decoded = std::move(decoded);
  for (auto oldest = entries_.end(); held_ > limit_ && oldest != entries_.begin();) {
    --oldest;
    if (oldest == entry || !oldest->decoded) continue;
    held_ -= oldest->decoded->bytes();
    by_unit_.erase(oldest->unit);
    oldest = entries_.erase(oldest);
  }
}

}  // namespace hib::mount
