// The chain of map pages of an image, put together from what is left of it.
#pragma once

#include "format/swsusp/carve/links.h"
#include "format/swsusp/map_chain.h"

namespace hib::swsusp {

struct AssembledChain {
  std::uint64_t first = 0;  // block of its first map page, lost or not
  MapChain chain;
  std::vector<std::uint64_t> whole_map_pages;  // their blocks
  std::uint64_t lost_map_pages = 0;            // at least
  std::uint64_t rebuilt_map_pages = 0;         // of them: every block that they named is known
  bool is_whole = false;                       // every map page is there, and leads to the next
};

// Follows the map pages from block `first` on. Where one is lost, `found`, all chains of the device, tells
// where the next one is, and the blocks between say what the lost one named: that is certain only where the
// kernel took block after block.
AssembledChain assemble_chain(const BlockSpace& space, const Abi& abi, std::uint64_t first,
                              const std::vector<ChainOfFound>& found);

// What is believed to be another image: map pages that lead to one another, or a single one too.
enum class Witness { Chain, MapPage };

// The blocks of `ours` that other images name too, by the map pages of `found`, and that may hold their
// content: what such an image has written over ours. One that names a block where our map pages lie is older.
BlockSet taken_by_others(const BlockSpace& space, const AssembledChain& ours,
                         const std::vector<ChainOfFound>& found, Witness witness);

// Entries that name these blocks have none from now on.
void forget_blocks(MapChain& chain, const BlockSet& blocks);

}  // namespace hib::swsusp
