// What a swap area holds beside the image: the pages that the machine had swapped out.
#pragma once

#include <memory>
#include <vector>

#include "format/swsusp/map_chain.h"
#include "format/swsusp/swap_slots.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"

namespace hib::swsusp {

// How it is known which slots are in use.
enum class SlotAccount {
  Kernel,  // from the swap map in the image's memory: these, and no others
  Blocks,  // not known: all that the image does not lie in; what is zero there is taken for unused
};

// Where the swap area of an image lies, and what of it the image itself takes.
struct SlotPlaces {
  BlockSpace space;
  SwapSlots slots;  // without those of the image
  std::string swap_uuid;
  std::string swap_label;
};

// The area's slots that the kernel of `image` has in use, by its own account where that can be read. Null
// when it has none.
std::unique_ptr<ImageReader> make_swapped_pages(const ImageReader& image, SlotPlaces places);

// The record "swapped-pages": which slots these are.
Record swapped_record(const SlotPlaces& places, SlotAccount account);
// Of an image of any format that has swapped-out pages.
SlotAccount account_of(const ImageReader& image);

}  // namespace hib::swsusp
