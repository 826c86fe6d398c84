// What is said of every image in a swap area, whichever way it was found.
#pragma once

#include "format/swsusp/locate.h"
#include "format/swsusp/map_chain.h"
#include "format/swsusp/swapped_pages.h"
#include "lib/image/info.h"
#include "lib/image/range_map.h"

namespace hib::swsusp {

// By the swap header alone.
ImageInfo basic_info(const Located& found);
void label_header(RangeMap& map, const Located& found);

// Ascending, and neighbours as one.
std::vector<BlockList::Run> in_order(std::vector<BlockList::Run> runs);
// Every block that the chain takes, its map pages too; ascending, neighbours joined.
std::vector<BlockList::Run> all_blocks(const MapChain& chain);
// The slots of the area that the image does not take.
SlotPlaces slots_beside(const Located& found, const std::vector<BlockList::Run>& image);

}  // namespace hib::swsusp
