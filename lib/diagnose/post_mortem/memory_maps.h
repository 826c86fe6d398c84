// Two memory maps of the firmware, region by region: what moved between the boot that saved and the boot that
// was to resume.
#pragma once

#include <string>
#include <vector>

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
};

// The order of entries does not count; a region is known again by its type and its size, else by where it is.
MapComparison compare_maps(const std::vector<MemoryMapEntry>& before, const std::vector<MemoryMapEntry>& now);

// "ACPI Tables 0x7a3d1000 + 52.0 KiB moved by +8.0 KiB"
std::string to_text(const RegionChange& change);

}  // namespace hib::diagnose
