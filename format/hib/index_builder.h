// An INDEX block in the making: what it repeats of the PAGES blocks since the INDEX before it.
#pragma once

#include <vector>

#include "format/hib/decode.h"
#include "format/hib/layout.h"

namespace hib::hib_image {

class IndexBuilder {
 public:
  // `block` is where the PAGES block lies, `map` its page map, `hashes` those of the pages that it stores.
  void add(const Block& block, const PagesBlock& pages, ByteView map,
           const std::vector<std::uint64_t>& hashes);

  bool is_empty() const { return entries_.empty(); }
  bool is_full() const { return entries_.size() == kBlocksPerIndex; }
  std::vector<std::byte> payload() const;
  // What ROOT says of the INDEX block, which lies at `index`. The next one begins.
  RootIndexEntry finish(const Block& index);

  std::uint64_t slots() const { return end_slot_; }  // of all PAGES blocks so far

 private:
  std::vector<IndexEntry> entries_;
  std::vector<std::byte> maps_;
  std::vector<std::byte> hashes_;
  Pfn first_pfn_ = 0;
  Pfn end_pfn_ = 0;
  std::uint64_t first_slot_ = 0;
  std::uint64_t end_slot_ = 0;
};

}  // namespace hib::hib_image
