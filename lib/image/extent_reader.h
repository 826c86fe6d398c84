// The reader of every format that keeps memory as it is: ELF, LiME and raw differ only in how they say which
// bytes of the file are which bytes of memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lib/image/reader.h"
#include "lib/os/file.h"

namespace hib {

// `size_bytes` bytes of physical memory from `physical` on lie at `file_offset`; of these only `stored_bytes`
// are in the file (ELF: p_filesz < p_memsz). The rest is memory that was not saved.
struct Extent {
  std::uint64_t physical = 0;
  std::uint64_t size_bytes = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t stored_bytes = 0;
  std::string name;  // for messages and the map: "PT_LOAD 3"
};

class ExtentReader final : public ImageReader {
 public:
  // `info` carries format, page size and findings so far; page counts, end_pfn and damage are filled in here.
  // Where extents overlap the one that starts lower counts, with a finding; check_structure() compares them.
  // Extents past the end of the file are cut there, with damage that lists the pages lost. Holes of a sparse
  // file are zero pages that nobody reads. Labels in `labels` are those of everything but the extents.
  static Result<std::unique_ptr<ImageReader>> create(std::shared_ptr<const File> file, ImageInfo info,
                                                     std::vector<Extent> extents, std::vector<Record> records,
                                                     RangeMap labels);

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override;
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override;

 private:
  ExtentReader(std::shared_ptr<const File> file, ImageInfo info)
      : file_(std::move(file)), info_(std::move(info)) {}

  // A stretch of memory that is in one state; where that is Data, at `file_offset`. Fill is a hole: zeros.
  struct Piece {
    std::uint64_t physical = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t file_offset = 0;
    PageState state = PageState::Data;

    std::uint64_t end() const { return physical + size_bytes; }
  };

  // What an extent says of memory that another one counts for.
  struct Overlap {
    std::string name;
    std::uint64_t physical = 0;
    std::uint64_t size_bytes = 0;  // that are in the file
    std::uint64_t file_offset = 0;
  };

  Result<void> check(const Extent& extent) const;
  std::uint64_t available_bytes(const Extent& extent) const;
  void report_missing_bytes(const Extent& extent);
  void add_pieces(const Extent& extent);
  void find_pieces(std::vector<Extent> extents);
  void find_runs();
  void add_run(PageRun run);
  Result<void> read_memory(std::uint64_t start, MutableBytes out) const;
  // The first byte that differs from what counts; nothing where none does among the first `most_bytes`.
  Result<std::optional<std::uint64_t>> contradiction(const Overlap& overlap, std::uint64_t most_bytes) const;
  Layer check_overlaps(std::vector<Damage>& damage) const;

  std::shared_ptr<const File> file_;
  ImageInfo info_;
  std::vector<Record> records_;
  RangeMap labels_;
  std::size_t seeks_ = 0;      // for holes, so far
  std::vector<Piece> pieces_;  // sorted, disjoint
  std::vector<Overlap> overlaps_;
  std::vector<PageRun> runs_;
};

}  // namespace hib
