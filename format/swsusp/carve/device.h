// The device that the block numbers of an image count on, as far as it lies in a file.
#pragma once

#include <optional>
#include <vector>

#include "format/swsusp/block_space.h"
#include "format/swsusp/carve/catalogue.h"

namespace hib::swsusp {

struct Device {
  std::shared_ptr<const File> file;
  std::int64_t start = 0;   // its first byte, counted in the file; negative: the file begins further on
  std::uint64_t bytes = 0;  // of it in the file, at most
  bool has_end = false;     // it is a partition of the table, or all of a file without one

  BlockSpace space(std::uint32_t page_size) const;
  // To the end of the file, whatever the partition table says.
  Device as_long_as_file() const;
  std::uint64_t end_block(std::uint32_t page_size) const;
  // Of a page that begins at this byte of the file; nothing where no block begins.
  std::optional<std::uint64_t> block_at(std::uint64_t file_offset, std::uint32_t page_size) const;
};

// From byte `start` of the file to the end of the partition that begins there, else to the end of the file.
Device device_at(std::shared_ptr<const File> file, const std::vector<Partition>& partitions,
                 std::int64_t start);

// Where a device may begin: with a partition, with the file, with a swap header, or where the map pages that
// were found say it does. That for which most map pages speak comes first.
std::vector<Device> likely_devices(const std::shared_ptr<const File>& file,
                                   const std::vector<Partition>& partitions, const Catalogue& catalogue);

}  // namespace hib::swsusp
