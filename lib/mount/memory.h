// The memory of an image, for many readers at once: any bytes of it, in any order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "lib/image/reader.h"
#include "lib/mount/content.h"
#include "lib/mount/page_table.h"
#include "lib/mount/unit_cache.h"

namespace hib::mount {

struct MemoryOptions {
  bool absent_is_zero = false;                                       // otherwise absent pages cannot be read
  std::uint64_t cache_bytes = 64ULL << 20;                           // of decoded units
  std::function<void(const Error&)> on_error = [](const Error&) {};  // what could not be read; any thread
};

class Memory {
 public:
  // `image` must outlive it.
  static Result<std::unique_ptr<Memory>> of(const ImageReader& image, MemoryOptions options);

  // Bytes from `offset` bytes behind the start of page `first` on. What is no memory reads as zeros;
  // where the image does not tell that from pages that were not saved, it is absent, too.
  Outcome read(Pfn first, std::uint64_t offset, MutableBytes out, Wait wait) const;

  // Pages that need no bytes: zeros, and what is to read as such. The first page from `from` on that is one,
  // or that is none; `end` where there is none.
  Pfn next_hole(Pfn from, Pfn end) const;
  Pfn next_data(Pfn from, Pfn end) const;

  std::uint32_t page_size() const { return page_size_; }

  // What is decoded together, for reading ahead. Nothing where pages are read singly.
  std::optional<std::size_t> unit_of(Pfn pfn) const { return table_.unit_of(pfn); }
  std::size_t unit_count() const { return table_.unit_count(); }
  bool has_unit(std::size_t unit) const { return cache_.is_known(unit); }
  void fetch_unit(std::size_t unit) const { cache_.get(unit); }
  const Unit& unit(std::size_t unit) const { return table_.unit(unit); }

 private:
  Memory(const ImageReader& image, PageTable table, MemoryOptions options);

  bool is_hole(const PageRun& run) const;
  bool gaps_are_absent() const { return image_.info().gaps_may_be_memory && !options_.absent_is_zero; }
  DecodedUnit decode(std::size_t unit) const;
  // The part of a run of one state that `out` asks for.
  Outcome read_run(const PageRun& run, Pfn pfn, std::uint64_t skip, MutableBytes out, Wait wait) const;
  Outcome read_data(Pfn pfn, std::uint64_t skip, MutableBytes out, Wait wait) const;
  std::shared_ptr<const DecodedUnit> unit_with(Pfn pfn, Wait wait) const;
  Outcome read_decoded(const DecodedUnit& unit, Pfn pfn, std::uint64_t skip, MutableBytes out,
                       Wait wait) const;
  Outcome read_single(Pfn pfn, std::uint64_t skip, MutableBytes out) const;

  const ImageReader& image_;
  const std::uint32_t page_size_;
  const PageTable table_;
  const MemoryOptions options_;
  mutable UnitCache cache_;
};

}  // namespace hib::mount
