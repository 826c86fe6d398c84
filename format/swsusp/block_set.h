// Sets of blocks. All take time in proportion to what they are given: a fragmented image has millions of
// runs.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace hib::swsusp {

using BlockSet = std::vector<std::pair<std::uint64_t, std::uint64_t>>;  // first, end; ascending, disjoint

BlockSet in_order(BlockSet blocks);  // from pairs in any order, overlapping or empty
BlockSet without(const BlockSet& blocks, const BlockSet& removed);
BlockSet common(const BlockSet& a, const BlockSet& b);

}  // namespace hib::swsusp
