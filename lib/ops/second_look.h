// Memory that changes while it is copied: a second look at some of its pages tells how much.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "lib/image/reader.h"

namespace hib {

struct Seen {
  std::uint64_t pages = 0;
  std::uint64_t changed = 0;
};

class SecondLook {
 public:
  // Remembers some pages of a loaded batch, evenly over all of memory.
  void add(const PageBatch& batch);

  // Pages that cannot be read any more have changed.
  Seen look(const ImageReader& image) const;

 private:
  struct Page {
    Hash128 hash;
    std::optional<std::uint8_t> fill;
  };
  void thin_out();

  std::uint64_t step_ = 1;  // every how many pages one is remembered
  std::map<Pfn, Page> pages_;
};

}  // namespace hib
