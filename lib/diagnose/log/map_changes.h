// Memory maps of the firmware, region by region: what moved between two boots, and how often it does. The
// kernel of a PC refuses an image of another map.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lib/diagnose/log/log.h"
#include "lib/os/firmware_map.h"

namespace hib::diagnose {

struct RegionChange {
  enum class Kind : std::uint8_t { Moved, Resized, Added, Gone };
  Kind kind = Kind::Moved;
  MemoryMapEntry before;  // empty when Added
  MemoryMapEntry now;     // empty when Gone
};

struct MapComparison {
  std::vector<RegionChange> changes;  // none: the same map
  bool is_ram_same = true;            // the same usable pages
  std::uint64_t ram_before = 0;       // usable bytes
  std::uint64_t ram_now = 0;
};

// The order of entries does not count; a region is known again by its type and its size, else by where it is.
MapComparison compare_maps(const std::vector<MemoryMapEntry>& before, const std::vector<MemoryMapEntry>& now);

struct MapHistory {
  std::size_t boots = 0;    // whose maps are known
  std::size_t changes = 0;  // boots whose map is not that of the one before
  MapComparison last;       // the latest of these changes
};
MapHistory history_of(const std::vector<std::vector<MemoryMapEntry>>& maps);  // the oldest first
// Those of boots that have logged one.
std::vector<std::vector<MemoryMapEntry>> logged_maps(const LogSet& logs);

// "ACPI Tables 0x7a3d1000 + 52.0 KiB moved by +8.0 KiB"
std::string to_text(const RegionChange& change);

}  // namespace hib::diagnose
