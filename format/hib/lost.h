// Pages of PAGES blocks that a salvaging walk does not find: chunks without a block stand for them.
#pragma once

#include <optional>
#include <vector>

#include "format/hib/decode.h"
#include "lib/image/info.h"

namespace hib::hib_image {

// One for these pages, which ascend. `slot` is the one that the next chunk begins with, or an earlier one.
// The page map goes to the end of `maps`.
ChunkEntry lost_chunk(const std::vector<PfnRange>& lost, std::uint64_t slot, std::vector<std::byte>& maps);

// An INDEX block that is whole says which pages the PAGES blocks before it held, whether these were found or
// not. `walked` has those that were found; the others become lost chunks between them. Returns their pages;
// nothing, and `walked` is as it was, where the INDEX names none of the blocks that were found last, or not
// all of them: then it may be of another image.
std::optional<std::vector<PfnRange>> fill_from_index(Index& walked, const Index& told);

// What lies in ranges of both; both ascend.
std::vector<PfnRange> common_ranges(const std::vector<PfnRange>& a, const std::vector<PfnRange>& b);

}  // namespace hib::hib_image
