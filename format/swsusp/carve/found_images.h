// What carving has found so far, and which bytes of the file it lies in.
#pragma once

#include <cstdint>
#include <vector>

#include "format/swsusp/block_set.h"
#include "format/swsusp/block_space.h"
#include "format/swsusp/map_chain.h"
#include "lib/image/carve.h"

namespace hib::swsusp {

struct FoundImage {
  CarvedImage image;
  BlockSet bytes;               // of the file: where its blocks lie
  bool proves_content = false;  // what lies there is its content, and nothing else can be
};

BlockSet bytes_of(const BlockSpace& space, const std::vector<BlockList::Run>& blocks);

class FoundImages {
 public:
  void add(FoundImage found) { found_.push_back(std::move(found)); }
  std::size_t size() const { return found_.size(); }
  bool is_in_one(std::uint64_t offset) const;  // of the file

  // In the order of the file, without what is only a part of another one's content.
  std::vector<CarvedImage> take() &&;

 private:
  bool is_content_of_another(const FoundImage& one) const;

  std::vector<FoundImage> found_;
};

}  // namespace hib::swsusp
