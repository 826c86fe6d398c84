// Is a file worth carving? Some tens of MiB of it tell.
#include <algorithm>

#include "format/swsusp/carve/carve.h"
#include "format/swsusp/carve/links.h"
#include "format/swsusp/layout.h"

namespace hib::swsusp {
namespace {

// What a look costs. An image begins near the start of its area; and of blocks that follow each other, one in
// 512 is a map page: no glimpse inside of such an image misses it.
constexpr std::uint64_t kFirstGlimpseBytes = 16 << 20;
constexpr std::size_t kMostPartitions = 16;
constexpr std::uint64_t kGlimpses = 32;  // evenly over the file
constexpr std::uint64_t kGlimpseBytes = (2 << 20) + (64 << 10);

std::vector<DeviceRange> parts_to_look_at(const File& file, const std::vector<Partition>& partitions) {
  std::vector<DeviceRange> parts = {{0, kFirstGlimpseBytes}};
  for (const Partition& partition : partitions) {
    if (parts.size() <= kMostPartitions) parts.push_back({partition.offset, kGlimpseBytes});
  }
  for (std::uint64_t i = 1; i < kGlimpses; ++i) {
    const std::uint64_t start = file.size() / kGlimpses * i / kPageSizes[0] * kPageSizes[0];
    if (start >= kFirstGlimpseBytes) parts.push_back({start, kGlimpseBytes});
  }
  return parts;
}

// A map page that leads to another, also one that was not looked at, as the kernel links them.
bool leads_on(const Device& device, const FoundMapPage& found) {
  const auto block = device.block_at(found.offset, found.abi.page_size);
  if (!block || found.mark.next == 0 || found.mark.largest >= device.end_block(found.abi.page_size))
    return false;
  std::vector<std::byte> page(found.abi.page_size);
  if (!device.space(found.abi.page_size).read(found.mark.next, page)) return false;
  const auto next = map_page_mark(page, found.abi);
  return next && is_close_behind(found.mark.next, found.mark.last_entry) &&
         is_close_behind(next->first_entry, found.mark.next);
}

}  // namespace

bool seems_to_hold_images(const std::shared_ptr<const File>& file) {
  const auto partitions = list_partitions(*file);
  Catalogue stock;
  for (const DeviceRange& part : parts_to_look_at(*file, partitions)) {
    if (!take_stock_of(*file, part, partitions, stock, {})) return false;
  }
  for (const Device& device : likely_devices(file, partitions, stock)) {
    const auto chains = link_map_pages(stock, device);
    const bool is_convincing = std::any_of(chains.begin(), chains.end(),
                                           [](const ChainOfFound& chain) { return chain.is_convincing(); });
    const bool is_part_of_one =
        std::any_of(stock.map_pages.begin(), stock.map_pages.end(),
                    [&](const FoundMapPage& found) { return leads_on(device, found); });
    if (is_convincing || is_part_of_one) return true;
  }
  return false;
}

}  // namespace hib::swsusp
