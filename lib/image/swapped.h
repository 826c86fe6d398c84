// Swapped-out pages beside memory: one image of both, for what treats them alike, and back again.
#pragma once

#include <memory>
#include <vector>

#include "lib/image/forwarding_reader.h"

namespace hib {

// Moves page numbers: of slots up to behind all memory, or from there down to slots again.
enum class Shift { ToNumbers, ToSlots };
void shift(PageBatch& batch, Shift direction);  // of all that it holds, damage included
std::unique_ptr<RunSource> shifted(std::unique_ptr<RunSource> runs, Shift direction);
std::unique_ptr<BatchSource> shifted(std::unique_ptr<BatchSource> batches, Shift direction);

// The memory of `image`, then its swapped-out pages with numbers from kFirstSwapped on. Without any it is
// like `image` itself. `image` must outlive it.
class WithSwapped final : public ForwardingReader {
 public:
  explicit WithSwapped(const ImageReader& image) : ForwardingReader(image), swapped_(image.swapped_pages()) {}

  Result<std::unique_ptr<RunSource>> runs() const override;
  Result<std::unique_ptr<BatchSource>> batches() const override;
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn number, MutableBytes out) const override;
  // Those of the image below are of its memory alone.
  Result<std::unique_ptr<PageHashSource>> page_hashes() const override {
    return std::unique_ptr<PageHashSource>();
  }

 private:
  const ImageReader* swapped_;
};

}  // namespace hib
