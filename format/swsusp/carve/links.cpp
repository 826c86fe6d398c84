#include "format/swsusp/carve/links.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kConvincingLinks = 3;
constexpr std::uint64_t kConvincingCloseLinks = 2;
constexpr std::uint64_t kCloseBlocks = 64;
constexpr std::size_t kNone = ~std::size_t{0};

struct Node {
  std::uint64_t block = 0;
  const FoundMapPage* found = nullptr;
  std::size_t next = kNone;
  std::size_t before = kNone;
};

// The kernel takes a block for the next map page when it has filled one, and the next block for its first
// entry.
bool is_close(const Node& from, const Node& to) {
  return is_close_behind(to.block, from.found->mark.last_entry) &&
         is_close_behind(to.found->mark.first_entry, to.block);
}

// Map pages of one page size and byte order.
class Linker {
 public:
  Linker(const Abi& abi, const std::unordered_set<std::uint64_t>& info_blocks)
      : abi_(abi), info_blocks_(info_blocks) {}

  void add(std::uint64_t block, const FoundMapPage& found) {
    if (by_block_.emplace(block, nodes_.size()).second) nodes_.push_back({block, &found, kNone, kNone});
  }

  void chains(std::vector<ChainOfFound>& out) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) link(i);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (nodes_[i].before == kNone) out.push_back(chain_from(i));
    }
  }

 private:
  void link(std::size_t from) {
    const auto it = by_block_.find(nodes_[from].found->mark.next);
    if (it == by_block_.end() || it->second == from) return;
    const std::size_t to = it->second;
    if (info_blocks_.contains(nodes_[to].found->mark.first_entry)) return;  // that one begins an image
    const std::size_t rival = nodes_[to].before;
    if (rival != kNone) {
      if (!is_close(nodes_[from], nodes_[to]) || is_close(nodes_[rival], nodes_[to])) return;
      nodes_[rival].next = kNone;
    }
    nodes_[from].next = to;
    nodes_[to].before = from;
  }

  // Pages that lead round in a circle have no first one, and are in no chain.
  ChainOfFound chain_from(std::size_t first) const {
    ChainOfFound chain;
    chain.abi = abi_;
    chain.smallest_entry = nodes_[first].found->mark.smallest;
    chain.has_beginning = info_blocks_.contains(nodes_[first].found->mark.first_entry);
    chain.begins_close = is_close_behind(nodes_[first].found->mark.first_entry, nodes_[first].block);
    for (std::size_t i = first;; i = nodes_[i].next) {
      const Node& node = nodes_[i];
      chain.blocks.push_back(node.block);
      chain.smallest_entry = std::min(chain.smallest_entry, node.found->mark.smallest);
      chain.largest_entry = std::max(chain.largest_entry, node.found->mark.largest);
      chain.next = node.found->mark.next;
      if (node.next == kNone) break;
      chain.close_links += is_close(node, nodes_[node.next]) ? 1 : 0;
    }
    chain.has_end = chain.next == 0;
    return chain;
  }

  Abi abi_;
  const std::unordered_set<std::uint64_t>& info_blocks_;
  std::vector<Node> nodes_;
  std::unordered_map<std::uint64_t, std::size_t> by_block_;
};

using AbiKey = std::pair<std::uint32_t, bool>;
AbiKey key_of(const Abi& abi) { return {abi.page_size, abi.big_endian}; }

}  // namespace

bool is_close_behind(std::uint64_t block, std::uint64_t before) {
  return block > before && block - before <= kCloseBlocks;
}

bool ChainOfFound::is_convincing() const {
  return (has_beginning && begins_close) || close_links >= kConvincingCloseLinks ||
         blocks.size() > kConvincingLinks;
}

std::vector<ChainOfFound> link_map_pages(const Catalogue& catalogue, const Device& device) {
  std::map<AbiKey, std::unordered_set<std::uint64_t>> info_blocks;
  for (const FoundInfoPage& found : catalogue.info_pages) {
    if (const auto block = device.block_at(found.offset, found.abi.page_size))
      info_blocks[key_of(found.abi)].insert(*block);
  }
  std::map<AbiKey, Linker> linkers;
  for (const FoundMapPage& found : catalogue.map_pages) {
    const auto block = device.block_at(found.offset, found.abi.page_size);
    if (!block || found.mark.largest >= device.end_block(found.abi.page_size)) continue;
    const AbiKey key = key_of(found.abi);
    linkers.try_emplace(key, found.abi, info_blocks[key]).first->second.add(*block, found);
  }
  std::vector<ChainOfFound> chains;
  for (auto& [key, linker] : linkers) linker.chains(chains);
  return chains;
}

}  // namespace hib::swsusp
