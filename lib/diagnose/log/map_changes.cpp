#include "lib/diagnose/log/map_changes.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::diagnose {
namespace {

using Entries = std::vector<MemoryMapEntry>;

constexpr std::uint32_t kUsable = 1;

bool same_region(const MemoryMapEntry& a, const MemoryMapEntry& b) {
  return a.start == b.start && a.size == b.size && a.type == b.type;
}

void sort_by_start(Entries& map) {
  std::sort(map.begin(), map.end(), [](const MemoryMapEntry& a, const MemoryMapEntry& b) {
    return std::tie(a.start, a.size, a.type) < std::tie(b.start, b.size, b.type);
  });
}

// Those of `map` that `other` has too are taken out of both.
void drop_same(Entries& map, Entries& other) {
  std::erase_if(map, [&](const MemoryMapEntry& entry) {
    const auto twin = std::find_if(other.begin(), other.end(),
                                   [&](const MemoryMapEntry& one) { return same_region(one, entry); });
    if (twin == other.end()) return false;
    other.erase(twin);
    return true;
  });
}

std::uint64_t distance(std::uint64_t a, std::uint64_t b) { return a < b ? b - a : a - b; }

// Which of `now` is `before` again: of its type, by the same size first, then by the same start or end; the
// nearest of several.
Entries::iterator find_again(const MemoryMapEntry& before, Entries& now, bool by_size) {
  auto best = now.end();
  for (auto it = now.begin(); it != now.end(); ++it) {
    if (it->type != before.type) continue;
    const bool fits =
        by_size ? it->size == before.size : it->start == before.start || it->last() == before.last();
    if (!fits) continue;
    if (best == now.end() || distance(it->start, before.start) < distance(best->start, before.start))
      best = it;
  }
  return best;
}

void match(Entries& before, Entries& now, bool by_size, std::vector<RegionChange>& changes) {
  std::erase_if(before, [&](const MemoryMapEntry& entry) {
    const auto found = find_again(entry, now, by_size);
    if (found == now.end()) return false;
    changes.push_back({by_size ? RegionChange::Kind::Moved : RegionChange::Kind::Resized, entry, *found});
    now.erase(found);
    return true;
  });
}

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // first byte, one past the last

Ranges usable(const Entries& map) {
  Ranges ranges;
  for (const MemoryMapEntry& entry : map) {
    if (entry.type != kUsable) continue;
    if (!ranges.empty() && ranges.back().second == entry.start) {
      ranges.back().second = entry.start + entry.size;
    } else {
      ranges.emplace_back(entry.start, entry.start + entry.size);
    }
  }
  return ranges;
}

std::uint64_t bytes_of(const Ranges& ranges) {
  std::uint64_t sum = 0;
  for (const auto& [first, end] : ranges) sum += end - first;
  return sum;
}

std::string difference(std::uint64_t before, std::uint64_t now) {
  return (now < before ? "-" : "+") + human_bytes(distance(before, now));
}

std::string region(const MemoryMapEntry& entry) {
  return fmt::format("{} {} + {}", printable(entry.name), hex(entry.start), human_bytes(entry.size));
}

}  // namespace

MapComparison compare_maps(const Entries& before, const Entries& now) {
  Entries old = before;
  Entries fresh = now;
  sort_by_start(old);
  sort_by_start(fresh);
  MapComparison comparison;
  const Ranges ram_before = usable(old);
  const Ranges ram_now = usable(fresh);
  comparison.is_ram_same = ram_before == ram_now;
  comparison.ram_before = bytes_of(ram_before);
  comparison.ram_now = bytes_of(ram_now);
  drop_same(old, fresh);
  match(old, fresh, true, comparison.changes);
  match(old, fresh, false, comparison.changes);
  for (const MemoryMapEntry& entry : old) comparison.changes.push_back({RegionChange::Kind::Gone, entry, {}});
  for (const MemoryMapEntry& entry : fresh)
    comparison.changes.push_back({RegionChange::Kind::Added, {}, entry});
  return comparison;
}

MapHistory history_of(const std::vector<Entries>& maps) {
  MapHistory history;
  const Entries* before = nullptr;
  for (const Entries& map : maps) {
    ++history.boots;
    MapComparison comparison = before == nullptr ? MapComparison() : compare_maps(*before, map);
    if (!comparison.changes.empty()) {
      ++history.changes;
      history.last = std::move(comparison);
    }
    before = &map;
  }
  return history;
}

std::vector<Entries> logged_maps(const LogSet& logs) {
  std::vector<Entries> maps;
  for (const BootLog& boot : logs.boots) {
    if (!boot.memory_map.empty()) maps.push_back(boot.memory_map);
  }
  return maps;
}

std::string to_text(const RegionChange& change) {
  switch (change.kind) {
    case RegionChange::Kind::Moved:
      return fmt::format("{} moved by {}", region(change.before),
                         difference(change.before.start, change.now.start));
    case RegionChange::Kind::Resized:
      return fmt::format("{} is now {} + {}: {}", region(change.before), hex(change.now.start),
                         human_bytes(change.now.size), difference(change.before.size, change.now.size));
    case RegionChange::Kind::Added: return region(change.now) + " is new";
    case RegionChange::Kind::Gone: return region(change.before) + " is gone";
  }
  return "";
}

}  // namespace hib::diagnose
