// An image seen through another one: everything is asked of the image below, but for what a derived class
// says itself.
#pragma once

#include "lib/image/reader.h"

namespace hib {

class ForwardingReader : public ImageReader {
 public:
  explicit ForwardingReader(const ImageReader& below) : below_(below) {}

  const ImageInfo& info() const override { return below_.info(); }
  const std::vector<Record>& records() const override { return below_.records(); }
  Result<std::unique_ptr<RunSource>> runs() const override { return below_.runs(); }
  Result<std::unique_ptr<BatchSource>> batches() const override { return below_.batches(); }
  void load(PageBatch& batch) const override { below_.load(batch); }
  Result<void> read_page(Pfn pfn, MutableBytes out) const override { return below_.read_page(pfn, out); }
  bool decodes_whole_batches() const override { return below_.decodes_whole_batches(); }
  Pfn decoded_with(Pfn pfn) const override { return below_.decoded_with(pfn); }
  Result<RangeMap> map() const override { return below_.map(); }
  StructureCheck check_structure() const override { return below_.check_structure(); }
  WholeCheck check_whole() const override { return below_.check_whole(); }
  Result<std::unique_ptr<PageHashSource>> page_hashes() const override { return below_.page_hashes(); }
  const ImageReader* swapped_pages() const override { return below_.swapped_pages(); }
  const std::vector<Breadcrumb>& history() const override { return below_.history(); }
  std::optional<Hash128> root_hash() const override { return below_.root_hash(); }
  Result<void> check_bytes(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) const override {
    return below_.check_bytes(progress);
  }

 protected:
  const ImageReader& below() const { return below_; }

 private:
  const ImageReader& below_;
};

// The same image with other records.
class WithRecords final : public ForwardingReader {
 public:
  WithRecords(const ImageReader& below, std::vector<Record> records)
      : ForwardingReader(below), records_(std::move(records)) {}
  WithRecords(std::unique_ptr<ImageReader> below, std::vector<Record> records)
      : ForwardingReader(*below), owned_(std::move(below)), records_(std::move(records)) {}

  const std::vector<Record>& records() const override { return records_; }

 private:
  std::unique_ptr<ImageReader> owned_;
  std::vector<Record> records_;
};

}  // namespace hib
