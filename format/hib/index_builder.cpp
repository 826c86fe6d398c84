#include "format/hib/index_builder.h"

#include "format/hib/block_writer.h"

namespace hib::hib_image {

void IndexBuilder::add(const Block& block, const PagesBlock& pages, ByteView map,
                       const std::vector<std::uint64_t>& hashes) {
  IndexEntry entry{};
  entry.offset = block.offset;
  entry.payload_bytes = static_cast<std::uint32_t>(block.payload_bytes);
  entry.map_bytes = pages.map_bytes;
  entry.first_pfn = pages.first_pfn;
  entry.page_count = pages.page_count;
  entry.slot_count = pages.slot_count;
  entry.payload_hash = to_disk(block.payload_hash);
  if (entries_.empty()) first_pfn_ = pages.first_pfn;
  end_pfn_ = pages.end_pfn();
  entries_.push_back(entry);
  append_bytes(maps_, map);
  for (const std::uint64_t hash : hashes) append_bytes(hashes_, object_bytes(le64(hash)));
  end_slot_ += pages.slot_count;
}

std::vector<std::byte> IndexBuilder::payload() const {
  IndexHeader header{};
  header.first_slot = first_slot_;
  header.slot_count = end_slot_ - first_slot_;
  header.block_count = static_cast<std::uint32_t>(entries_.size());
  header.maps_bytes = maps_.size();
  std::vector<std::byte> payload;
  append_bytes(payload, object_bytes(header));
  for (const IndexEntry& entry : entries_) append_bytes(payload, object_bytes(entry));
  append_bytes(payload, maps_);
  append_bytes(payload, hashes_);
  return payload;
}

RootIndexEntry IndexBuilder::finish(const Block& index) {
  const RootIndexEntry entry{index.offset,
                             index.payload_bytes,
                             first_pfn_,
                             end_pfn_ - first_pfn_,
                             first_slot_,
                             end_slot_ - first_slot_,
                             to_disk(index.payload_hash)};
  entries_.clear();
  maps_.clear();
  hashes_.clear();
  first_slot_ = end_slot_;
  return entry;
}

}  // namespace hib::hib_image
