// Finding blocks without the index: from the front, and past broken places by looking for the next good block
// header.
#pragma once

#include <optional>
#include <vector>

#include "format/hib/decode.h"
#include "lib/image/info.h"

namespace hib::hib_image {

struct Walk {
  Index index;  // the PAGES blocks that are whole, in PFN order, and what is known of lost pages between them
  std::vector<RecordRef> records;
  std::optional<Commit> commit;
  std::uint64_t end = 0;  // where the last good block ends
  std::vector<Damage> damage;
};

// Between two PAGES blocks: the page and the slot that come next.
struct PagePlace {
  Pfn number = 0;
  std::uint64_t slot = 0;
};

// Where to walk, and which pages are there as far as is known.
struct WalkRange {
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // exclusive
  PagePlace first;
  std::optional<PagePlace> end;
};

// Follows the blocks of a range. PAGES blocks are read and checked only with `read_pages`. Never fails: what
// is broken becomes damage.
Walk walk_blocks(const File& file, const Header& header, const WalkRange& range, bool read_pages);

}  // namespace hib::hib_image
