#include "format/swsusp/empty_reader.h"

namespace hib::swsusp {
namespace {

class NoRuns final : public RunSource {
 public:
  Result<std::optional<PageRun>> next() override { return std::optional<PageRun>(); }
};

class EmptyReader final : public ImageReader {
 public:
  EmptyReader(ImageInfo info, RangeMap map, Error why_not)
      : info_(std::move(info)), map_(std::move(map)), why_not_(std::move(why_not)) {}

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override {
    if (!info_.pages_are_known) return fail(why_not_);
    return std::unique_ptr<RunSource>(new NoRuns);
  }
  Result<std::unique_ptr<BatchSource>> batches() const override { return fail(why_not_); }
  void load(PageBatch&) const override {}
  Result<void> read_page(Pfn, MutableBytes) const override { return fail(why_not_); }
  Result<RangeMap> map() const override { return map_; }
  StructureCheck check_structure() const override { return {}; }

 private:
  ImageInfo info_;
  RangeMap map_;
  Error why_not_;
  std::vector<Record> records_;
};

}  // namespace

std::unique_ptr<ImageReader> make_empty_reader(ImageInfo info, RangeMap map, Error why_not) {
  return std::make_unique<EmptyReader>(std::move(info), std::move(map), std::move(why_not));
}

}  // namespace hib::swsusp
