// The stream as /dev/snapshot gives it: page after page, nothing around it.
#pragma once

#include "format/swsusp/page_stream.h"

namespace hib::swsusp {

class SnapshotStream final : public PageStream {
 public:
  static Result<std::unique_ptr<PageStream>> open(std::shared_ptr<const File> file);

  const File& file() const override { return *file_; }
  std::uint64_t readable_chunks() const override;
  Result<void> read_chunk(std::uint64_t number, MutableBytes out) const override;
  Result<std::uint32_t> read_uncounted_chunk(std::uint64_t number, MutableBytes out) const override;
  Result<void> read_page(std::uint64_t page, MutableBytes out) const override;
  bool has_page(std::uint64_t page) const override;
  std::optional<std::uint64_t> chunk_offset(std::uint64_t number) const override;
  std::uint64_t info_offset() const override { return 0; }
  std::optional<std::uint64_t> counted_pages() const override {
    return std::nullopt;  // the file may be cut, or be a device that is larger
  }
  void label(RangeMap& map) const override;
  bool is_compressed() const override { return false; }

 private:
  explicit SnapshotStream(std::shared_ptr<const File> file) : file_(std::move(file)) {}
  void recount() override;

  std::shared_ptr<const File> file_;
};

// Does `head` begin with an info page whose counts fit a file of `file_bytes`, or with a damaged one and a
// page of PFNs behind it? Gives its page size.
std::optional<InfoPage> find_snapshot_info(ByteView head, std::uint64_t file_bytes);

}  // namespace hib::swsusp
