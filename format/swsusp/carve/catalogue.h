// Every page of a file that looks like a part of an image: one pass over the file, in bounded memory.
#pragma once

#include <cstdint>
#include <vector>

#include "format/swsusp/carve/marks.h"
#include "format/swsusp/header.h"
#include "lib/image/carve.h"
#include "lib/os/file.h"
#include "lib/os/partitions.h"

namespace hib::swsusp {

struct FoundMapPage {
  std::uint64_t offset = 0;  // in the file, as in all below
  Abi abi;                   // page size and byte order
  MapPageMark mark;

  bool is_full() const { return mark.entries == abi.map_entries(); }
};

struct FoundInfoPage {
  std::uint64_t offset = 0;
  Abi abi;
};

struct FoundHeader {
  std::uint64_t offset = 0;
  Header header;
};

struct FoundUswsusp {
  std::uint64_t offset = 0;
  Abi abi;
  std::uint64_t map_start = 0;
};

struct Catalogue {
  std::vector<FoundMapPage> map_pages;  // in the order of the file, as all below
  std::vector<FoundInfoPage> info_pages;
  std::vector<FoundHeader> headers;  // of swap areas, with or without an image
  std::vector<FoundUswsusp> uswsusp;
  std::uint64_t left_out = 0;  // pages that look like one of these, beyond what is kept
  std::uint64_t unreadable_bytes = 0;

  // How much of it is kept: a map page leads to 2 MiB of an image, so the first is enough for a TiB.
  static constexpr std::size_t kMostMapPages = 1U << 19;
  static constexpr std::size_t kMostInfoPages = 1U << 16;
  static constexpr std::size_t kMostHeaders = 1U << 6;
  static constexpr std::size_t kMostUswsusp = 1U << 12;
};

// Looks where pages can lie if the device begins where the file, or one of `partitions`, does, and where the
// partitions of old disks began (sector 63). Cancelled is the only error: what cannot be read is passed over.
Result<Catalogue> take_stock(const File& file, const std::vector<Partition>& partitions,
                             const CarveProgress& progress);

// The same for a part of the file, added to what is there.
Result<void> take_stock_of(const File& file, DeviceRange part, const std::vector<Partition>& partitions,
                           Catalogue& catalogue, const CarveProgress& progress);

}  // namespace hib::swsusp
