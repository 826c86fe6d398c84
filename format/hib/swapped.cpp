#include "format/hib/swapped.h"

#include "lib/image/content_digest.h"
#include "lib/image/swapped.h"

namespace hib::hib_image {
namespace {

class SlotHashesOfPages final : public PageHashSource {
 public:
  explicit SlotHashesOfPages(std::unique_ptr<PageHashSource> hashes) : hashes_(std::move(hashes)) {}
  Result<std::optional<Run>> next() override {
    TRY(auto run, hashes_->next());
    if (run) run->run.first -= kFirstSwapped;
    return run;
  }

 private:
  std::unique_ptr<PageHashSource> hashes_;
};

class SwappedPages final : public ImageReader {
 public:
  explicit SwappedPages(const Reader& image) : image_(image) {
    info_.format = "hib";
    info_.variant = "swapped-out pages";
    info_.path = image.path();
    info_.codec = "zstd";
    info_.page_size = image.header().page_size;
    info_.pages = image.root().swapped;
    info_.end_pfn = image.root().swapped_end;
    info_.content_digest = ContentDigest::text(image.root().swapped_digest);
  }

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return image_.records(); }
  Result<std::unique_ptr<RunSource>> runs() const override {
    TRY(auto runs, image_.runs_of(Reader::Space::Swapped));
    return shifted(std::move(runs), Shift::ToSlots);
  }
  Result<std::unique_ptr<BatchSource>> batches() const override {
    TRY(auto batches, image_.batches_of(Reader::Space::Swapped));
    return shifted(std::move(batches), Shift::ToSlots);
  }
  void load(PageBatch& batch) const override {
    shift(batch, Shift::ToNumbers);
    image_.load(batch);
    shift(batch, Shift::ToSlots);
  }
  Result<void> read_page(Pfn slot, MutableBytes out) const override {
    return image_.read_number(slot + kFirstSwapped, out);
  }
  Result<RangeMap> map() const override { return image_.map(); }
  StructureCheck check_structure() const override { return image_.check_structure(); }
  Result<std::unique_ptr<PageHashSource>> page_hashes() const override {
    TRY(auto hashes, image_.hashes_of(Reader::Space::Swapped));
    if (hashes == nullptr) return hashes;
    return std::unique_ptr<PageHashSource>(std::make_unique<SlotHashesOfPages>(std::move(hashes)));
  }

 private:
  const Reader& image_;
  ImageInfo info_;
};

}  // namespace

std::unique_ptr<ImageReader> make_swapped_pages(const Reader& image) {
  return std::make_unique<SwappedPages>(image);
}

}  // namespace hib::hib_image
