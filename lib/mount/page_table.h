// All pages of an image by their number: in which state they are, and which of them are decoded together.
// Made once, by a pass over the runs; no page is read for it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "lib/image/reader.h"

namespace hib::mount {

// A batch of the reader, without its list of runs: those of 64 GiB would take more memory than all else.
struct Unit {
  Pfn first = 0;
  Pfn end = 0;
  std::shared_ptr<const void> context;
  std::uint64_t token = 0;
};

class PageTable {
 public:
  static Result<PageTable> of(const ImageReader& image);

  // The first run that ends behind `pfn`: it holds the page, or the page is in the hole before it. Null: no
  // run is left.
  const PageRun* run_from(Pfn pfn) const;

  // Of a data page, where the reader decodes whole batches.
  std::optional<std::size_t> unit_of(Pfn pfn) const;
  std::size_t unit_count() const { return units_.size(); }
  const Unit& unit(std::size_t number) const { return units_[number]; }

  // The batch again, as the reader handed it out.
  PageBatch batch_of(std::size_t unit) const;

 private:
  void add(const PageBatch& batch);

  std::vector<PageRun> runs_;  // ascending
  std::vector<Unit> units_;    // ascending; empty: the reader reads single pages
};

}  // namespace hib::mount
