// Which of the map pages that were found lead to which, on one device.
#pragma once

#include <vector>

#include "format/swsusp/carve/device.h"

namespace hib::swsusp {

struct ChainOfFound {
  Abi abi;
  std::vector<std::uint64_t> blocks;  // of its map pages, in order
  bool has_beginning = false;         // the first one names an info page
  bool has_end = false;               // the last one says that none follows
  std::uint64_t smallest_entry = 0;   // what it names lies from this block
  std::uint64_t largest_entry = 0;    // to this one
  std::uint64_t next = 0;             // without an end: the block where the next one should be
  bool begins_close = false;          // its first entry lies just behind it
  std::uint64_t close_links = 0;      // links that look as the kernel makes them, block after block

  // PFN lists and other tables can look like map pages, and one or two of them like a chain.
  bool is_convincing() const;
};

// The kernel has taken `block` soon after `before`.
bool is_close_behind(std::uint64_t block, std::uint64_t before);

// Every map page is in one chain. What leads to a page that another one leads to as well ends before it.
std::vector<ChainOfFound> link_map_pages(const Catalogue& catalogue, const Device& device);

}  // namespace hib::swsusp
