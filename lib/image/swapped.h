// Swapped-out pages beside memory: one image of both, for what treats them alike, and back again.
#pragma once

#include <memory>
#include <vector>

#include "lib/image/reader.h"

namespace hib {

// Moves page numbers: of slots up to behind all memory, or from there down to slots again.
enum class Shift { ToNumbers, ToSlots };
void shift(PageBatch& batch, Shift direction);  // of all that it holds, damage included
std::unique_ptr<RunSource> shifted(std::unique_ptr<RunSource> runs, Shift direction);
std::unique_ptr<BatchSource> shifted(std::unique_ptr<BatchSource> batches, Shift direction);

// The memory of `image`, then its swapped-out pages with numbers from kFirstSwapped on. Without any it is
// like `image` itself. `image` must outlive it.
class WithSwapped final : public ImageReader {
 public:
  explicit WithSwapped(const ImageReader& image) : image_(image), swapped_(image.swapped_pages()) {}

  const ImageInfo& info() const override { return image_.info(); }
  const std::vector<Record>& records() const override { return image_.records(); }
  Result<std::unique_ptr<RunSource>> runs() const override;
  Result<std::unique_ptr<BatchSource>> batches() const override;
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn number, MutableBytes out) const override;
  Result<RangeMap> map() const override { return image_.map(); }
  StructureCheck check_structure() const override { return image_.check_structure(); }
  WholeCheck check_whole() const override { return image_.check_whole(); }
  const ImageReader* swapped_pages() const override { return swapped_; }
  const std::vector<Breadcrumb>& history() const override { return image_.history(); }
  std::optional<Hash128> root_hash() const override { return image_.root_hash(); }

 private:
  const ImageReader& image_;
  const ImageReader* swapped_;
};

}  // namespace hib
