#include "format/swsusp/block_set.h"

#include <algorithm>

namespace hib::swsusp {

BlockSet in_order(BlockSet blocks) {
  std::sort(blocks.begin(), blocks.end());
  BlockSet out;
  for (const auto& [first, end] : blocks) {
    if (first >= end) continue;
    if (!out.empty() && first <= out.back().second) {
      out.back().second = std::max(out.back().second, end);
    } else {
      out.emplace_back(first, end);
    }
  }
  return out;
}

BlockSet without(const BlockSet& blocks, const BlockSet& removed) {
  BlockSet out;
  auto cut = removed.begin();
  for (auto [first, end] : blocks) {
    while (cut != removed.end() && cut->second <= first) ++cut;
    for (auto inside = cut; inside != removed.end() && inside->first < end; ++inside) {
      if (first < inside->first) out.emplace_back(first, inside->first);
      first = std::max(first, inside->second);
      cut = inside;
    }
    if (first < end) out.emplace_back(first, end);
  }
  return out;
}

BlockSet common(const BlockSet& a, const BlockSet& b) {
  BlockSet out;
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() && y != b.end()) {
    const std::uint64_t first = std::max(x->first, y->first);
    const std::uint64_t end = std::min(x->second, y->second);
    if (first < end) out.emplace_back(first, end);
    (x->second < y->second ? x : y)++;
  }
  return out;
}

}  // namespace hib::swsusp
