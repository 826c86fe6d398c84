// The chain of swap map pages: which blocks hold the stream, in order.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "format/swsusp/abi.h"
#include "format/swsusp/block_set.h"
#include "format/swsusp/block_space.h"
#include "lib/image/info.h"

namespace hib::swsusp {

inline constexpr std::uint64_t kNoBlock = ~std::uint64_t{0};  // an entry that cannot be right

// Entries of the map in order. Neighbouring blocks are kept as one run: an image of 16 GiB has four million
// entries and few runs.
class BlockList {
 public:
  struct Run {
    std::uint64_t index = 0;  // of its first entry
    std::uint64_t block = 0;  // kNoBlock: all entries of the run
    std::uint64_t count = 0;
  };

  void add(std::uint64_t block);
  std::uint64_t size() const { return runs_.empty() ? 0 : runs_.back().index + runs_.back().count; }
  std::uint64_t at(std::uint64_t index) const;  // index < size()
  // The run from `index` on, at most `count` long.
  Run part(std::uint64_t index, std::uint64_t count) const;
  const std::vector<Run>& runs() const { return runs_; }

 private:
  std::vector<Run> runs_;
};

// Runs with blocks that are known, as a set.
BlockSet block_set(const std::vector<BlockList::Run>& runs);

struct MapChain {
  BlockList blocks;
  std::vector<std::uint64_t> map_pages;     // their blocks
  std::uint64_t last_page_first_entry = 0;  // index of the first entry of the last map page
  bool reached_end = false;                 // a map page with next = 0
  std::vector<Damage> damage;

  // The last map page names nothing: so may the kernel leave it, and so looks one of zeros.
  bool ends_empty() const { return map_pages.size() > 1 && last_page_first_entry == blocks.size(); }
};

// A map page that something else lies in now.
struct LostMapPage {
  std::vector<std::byte> page;  // as it must have been; kNoBlock for entries that are not known. Empty: the
                                // chain ends before it
  std::string found;            // for the damage: what lies there
};
using LostMapPages = std::map<std::uint64_t, LostMapPage>;  // by their blocks

// Walks from block `first`. `header_block` may not appear. Never longer than the device has blocks.
MapChain walk_map_chain(const BlockSpace& space, const Abi& abi, std::uint64_t first,
                        std::uint64_t header_block, const LostMapPages& lost = {});

// Consecutive entries' blocks; the last may be taken in part. Truncated behind the last entry, Corrupt where
// an entry is kNoBlock.
Result<void> read_entries(const BlockSpace& space, const BlockList& blocks, std::uint64_t first,
                          MutableBytes out);
// Where that entry's block lies in the file; the file's end when it is nowhere.
std::uint64_t entry_offset(const BlockSpace& space, const BlockList& blocks, std::uint64_t entry);

}  // namespace hib::swsusp
