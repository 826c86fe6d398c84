// A label for every byte range of a file: what `inspect --map` prints. Ranges that overlap, or bytes without
// a label, are a fault in the image or in its reader, and the map shows them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hib {

struct LabelledRange {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string label;
};

class RangeMap {
 public:
  void add(std::uint64_t offset, std::uint64_t size, std::string label);
  const std::vector<LabelledRange>& ranges() const { return ranges_; }  // as they were added

  // All ranges in file order, with "unlabelled" and "overlap" ranges where the labels do not tile [0,
  // file_bytes).
  std::vector<LabelledRange> tiled(std::uint64_t file_bytes) const;

 private:
  std::vector<LabelledRange> ranges_;
};

}  // namespace hib
