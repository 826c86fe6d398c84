#include "format/hib/chunk_walk.h"

namespace hib::hib_image {

Result<const ChunkEntry*> ChunkWalk::next() {
  for (;;) {
    while (!loaded_ || next_ == loaded_->index.chunks.size()) {
      TRY(const bool more, next_index());
      if (!more) return nullptr;
    }
    chunk_ = next_++;
    const ChunkEntry& chunk = loaded_->index.chunks[chunk_];
    if (is_ours(chunk.first_pfn)) return &chunk;
    if (space_ == Reader::Space::Memory) return nullptr;  // swapped-out pages come last
  }
}

Result<bool> ChunkWalk::next_index() {
  const auto& indexes = reader_.root().indexes;
  const auto is_before_ours = [&](const IndexRef& ref) {
    return space_ == Reader::Space::Swapped && ref.first_pfn + ref.page_count <= kFirstSwapped;
  };
  while (index_ < indexes.size() && is_before_ours(indexes[index_])) ++index_;
  if (index_ == indexes.size()) return false;
  TRY(loaded_, reader_.index(index_++));
  damage_.insert(damage_.end(), loaded_->damage.begin(), loaded_->damage.end());
  next_ = 0;
  return true;
}

}  // namespace hib::hib_image
