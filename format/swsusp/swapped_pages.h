// What a swap area holds beside the image: the pages that the machine had swapped out.
#pragma once

#include <functional>
#include <memory>
#include <optional>
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

// How it is known where the swap area of an image lies.
enum class AreaIs {
  Known,    // a header leads from it to the image
  Likely,   // the image lies in it; another header or the partition table says how large it is
  Guessed,  // only its start is known: the kernel's own account has to say how large it is
};

// An area that begins with its device: slot n is block n.
struct DeviceSlots {
  SwapSlots slots;                // that lie in the file, without those of the image
  std::uint64_t first_block = 0;  // that lies in the file
  std::uint64_t image_end = 0;    // behind the last block of the image
};

// Where the swap area of an image lies, and what of it the image itself takes.
struct SlotPlaces {
  BlockSpace space;
  SwapSlots slots;               // without those of the image
  std::uint64_t area_pages = 0;  // of the whole area, header included
  std::string swap_uuid;
  std::string swap_label;
  AreaIs area = AreaIs::Known;
  // Where no header of the image's own time says how large the area is: as if it were all of the device.
  std::optional<DeviceSlots> device;
};

struct SwappedPages {
  std::unique_ptr<ImageReader> pages;  // null: none
  std::vector<Record> records;         // "swap-areas" and "swapped-pages", as far as there is anything to say
};

// The area's slots that the kernel of `image` has in use, by its own account where that can be read.
// `kernel_records` are those of the image that lead to its kernel. The reader that is returned asks `image`
// for its records only when it is asked for them.
SwappedPages find_swapped_pages(const ImageReader& image, const std::vector<Record>& kernel_records,
                                SlotPlaces places);

// "swap-areas" of the image's kernel; nothing where its account cannot be read.
std::optional<Record> swap_areas_record(const ImageReader& image, const std::vector<Record>& kernel_records);

// How many pages the machine had swapped out, beside zram: by the record "swap-areas", else by its memory.
// Nothing where neither tells.
std::optional<std::uint64_t> swapped_out_by_memory(const ImageReader& image);

// Reads all of them in order. Ends with the first that cannot be read, or that `take` refuses.
Result<void> for_each_item(const ImageReader& pages,
                           const std::function<Result<void>(const PageItem&)>& take);

// Of an image of any format that has swapped-out pages.
SlotAccount account_of(const ImageReader& image);

}  // namespace hib::swsusp
