// The chunks of one space, in order, as the index names them.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "format/hib/reader.h"

namespace hib::hib_image {

class ChunkWalk {
 public:
  ChunkWalk(const Reader& reader, Reader::Space space) : reader_(reader), space_(space) {}

  // Null at the end. Valid as long as loaded() is kept.
  Result<const ChunkEntry*> next();

  const std::shared_ptr<const Reader::LoadedIndex>& loaded() const { return loaded_; }
  std::size_t position() const { return chunk_; }  // of the chunk in loaded()
  // Of the indexes that were loaded since it was asked last. At the end too: of some no chunk may be left.
  std::vector<Damage> take_damage() { return std::exchange(damage_, {}); }

 private:
  bool is_ours(Pfn number) const { return is_swapped(number) == (space_ == Reader::Space::Swapped); }
  Result<bool> next_index();

  const Reader& reader_;
  Reader::Space space_;
  std::size_t index_ = 0;
  std::shared_ptr<const Reader::LoadedIndex> loaded_;
  std::size_t chunk_ = 0;
  std::vector<Damage> damage_;
  std::size_t next_ = 0;
};

}  // namespace hib::hib_image
