// Compares the memory in two images of any two formats, page by page.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/image/reader.h"
#include "lib/ops/pipeline.h"

namespace hib {

struct DiffReport {
  std::uint64_t same = 0;
  std::uint64_t changed = 0;
  std::uint64_t only_a = 0;  // present before; absent, or not memory, now
  std::uint64_t only_b = 0;
  std::uint64_t unknown = 0;  // unreadable on a side: nothing can be said
  std::vector<PfnRange> same_ranges;
  std::vector<PfnRange> changed_ranges;
  std::vector<PfnRange> only_a_ranges;
  std::vector<PfnRange> only_b_ranges;
  std::vector<PfnRange> unknown_ranges;
  bool by_stored_hashes = false;      // no page was read
  std::vector<std::string> not_read;  // images of which only the stored hashes were read
  std::vector<Damage> damage;         // with salvage

  std::shared_ptr<const DiffReport>
      swapped;                       // of swapped-out pages, by slots; null unless both images have some
  bool swapped_on_one_side = false;  // only one has: nothing to compare with

  bool identical_memory() const { return changed == 0 && only_a == 0 && only_b == 0 && unknown == 0; }
  bool identical() const { return identical_memory() && (swapped == nullptr || swapped->identical()); }
};

// Where both images keep page hashes only these are read; otherwise the pages of the images without are,
// once.
Result<DiffReport> diff(const ImageReader& a, const ImageReader& b, const PipelineOptions& options);

}  // namespace hib
