// Finding blocks without the index: from the front, and past broken places by looking for the next good block
// header.
#pragma once

#include <optional>
#include <vector>

#include "format/hib/decode.h"
#include "lib/image/info.h"

namespace hib::hib_image {

struct Walk {
  Index index;  // the PAGES blocks that are whole, in PFN order
  std::vector<RecordRef> records;
  std::optional<Commit> commit;
  std::uint64_t end = 0;  // where the last good block ends
  std::vector<Damage> damage;
};

// Follows the blocks in [from, to). PAGES blocks are read and checked only with `read_pages`. Never fails:
// what is broken becomes damage.
Walk walk_blocks(const File& file, const Header& header, std::uint64_t from, std::uint64_t to,
                 bool read_pages);

}  // namespace hib::hib_image
