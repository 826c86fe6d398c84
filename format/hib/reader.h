// Reads a .hib image: by its index where there is a good one, by walking its blocks where there is not.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "format/hib/decode.h"
#include "format/hib/slot_hashes.h"
#include "lib/base/pool.h"
#include "lib/codec/zstd.h"
#include "lib/image/format.h"
#include "lib/image/reader.h"

namespace hib::hib_image {

bool recognise(const FormatHead& head);
Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options);

class Reader final : public ImageReader {
 public:
  static Result<std::unique_ptr<Reader>> open(std::shared_ptr<const File> file, const OpenOptions& options,
                                              unsigned depth = 0);

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override { return runs_of(Space::Memory); }
  Result<std::unique_ptr<BatchSource>> batches() const override { return batches_of(Space::Memory); }
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  bool decodes_whole_batches() const override { return true; }
  Pfn decoded_with(Pfn pfn) const override { return holder_of(pfn).value_or(pfn); }
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override;
  Result<std::unique_ptr<PageHashSource>> page_hashes() const override { return hashes_of(Space::Memory); }
  const ImageReader* swapped_pages() const override { return swapped_.get(); }
  const std::vector<Breadcrumb>& history() const override { return breadcrumbs_; }
  std::optional<Hash128> root_hash() const override { return commit_.root_hash; }
  Result<void> check_bytes(
      const std::function<void(std::uint64_t done, std::uint64_t total)>& progress) const override;

  const Header& header() const { return header_; }
  const Root& root() const { return root_; }
  const std::string& path() const { return file_->path(); }
  const Reader* base() const { return base_.get(); }

  // Sequential keeps the decoded chunk for its neighbours; so does the second Random in a row of one chunk.
  enum class Access { Random, Sequential };
  bool is_wanted_again(const ChunkEntry& chunk) const;

  // The pages of one space, with the numbers that blocks give them: slots come from kFirstSwapped on.
  enum class Space { Memory, Swapped };
  Result<std::unique_ptr<RunSource>> runs_of(Space space) const;
  Result<std::unique_ptr<BatchSource>> batches_of(Space space) const;
  Result<std::unique_ptr<PageHashSource>> hashes_of(Space space) const;
  Result<void> read_number(Pfn number, MutableBytes out) const {
    return read_one(number, Access::Random, out);
  }

  // One INDEX block: decoded, checked against ROOT, kept. What a broken one said is found again by a walk.
  struct LoadedIndex {
    Index index;
    std::vector<Damage> damage;
  };
  std::size_t index_count() const { return root_.indexes.size(); }
  Result<std::shared_ptr<const LoadedIndex>> index(std::size_t i) const;

  Result<std::vector<MapRun>> map_runs(const Index& index, const ChunkEntry& chunk) const;

  // The stored hash of a slot's page. Only for indexes that are whole.
  Result<std::uint64_t> slot_hash(std::uint64_t slot) const;

 private:
  struct DecodedChunk {
    std::uint64_t offset = 0;
    Pool<std::vector<std::byte>>::Lease pages;  // may be larger than the chunk
    std::optional<Error> error;                 // why there are none
  };
  using ChunkPlace = std::pair<std::shared_ptr<const LoadedIndex>, const ChunkEntry*>;

  Reader(std::shared_ptr<const File> file, const OpenOptions& options);
  Result<void> read_header();
  Result<void> read_tail();
  Result<Commit> find_commit();
  std::optional<Commit> commit_before_padding() const;
  Result<Commit> commit_at(std::uint64_t offset) const;
  void salvage_by_walk(Error reason);
  void read_records();
  Result<void> open_base(const OpenOptions& options, unsigned depth);
  Result<std::unique_ptr<Reader>> find_base(const OpenOptions& options, unsigned depth) const;
  Error missing_base(std::string found) const;
  void fill_info();

  struct ExpectedBlock {
    std::uint64_t offset = 0;
    std::uint64_t payload_bytes = 0;
    BlockType type = BlockType::Pages;
    Hash128 payload_hash;
  };
  std::vector<ExpectedBlock> expected_blocks(std::vector<Damage>& damage) const;
  void check_blocks(const std::vector<ExpectedBlock>& expected, std::vector<Damage>& damage) const;

  // The payload of a chunk, checked against the index.
  struct ChunkPayload {
    PagesBlock pages;
    Pool<std::vector<std::byte>>::Lease buffer;
    ByteView frame;  // in the buffer
  };
  Result<ChunkPayload> read_chunk(const Index& index, const ChunkEntry& chunk) const;
  // The first out.size() bytes of the chunk's stored pages.
  Result<void> decode_stored(const ChunkPayload& payload, const ChunkEntry& chunk, MutableBytes out) const;
  Result<void> decode_chunk(const Index& index, const ChunkEntry& chunk, DecodedChunk& out) const;
  // Keeps the decoded chunks that were used last, `keep_bytes` of them.
  Result<std::shared_ptr<const DecodedChunk>> cached_chunk(const Index& index, const ChunkEntry& chunk,
                                                           std::uint64_t keep_bytes) const;
  Result<ChunkPlace> chunk_with_slot(std::uint64_t slot) const;
  Result<ChunkPlace> chunk_with_pfn(Pfn pfn) const;
  Result<Pfn> holder_of(Pfn pfn) const;
  Result<void> read_slot(std::uint64_t slot, Access access, MutableBytes out) const;
  Result<void> read_one(Pfn pfn, Access access, MutableBytes out) const;
  Result<void> read_of_base(Pfn pfn, Access access, MutableBytes out) const;
  // The chunk's stored pages where any page of the batch needs them; null, with damage, when they cannot be
  // had.
  std::shared_ptr<const DecodedChunk> load_stored(const Index& index, const ChunkEntry& chunk,
                                                  const std::vector<MapRun>& runs, PageBatch& batch) const;
  std::uint64_t pages_elsewhere(const ChunkEntry& chunk, const MapRun& run, const PageBatch& batch) const;
  // `elsewhere` has room for the pages of the run that other chunks or the base store, and moves past them.
  void load_run(const Index& index, const ChunkEntry& chunk, const MapRun& run, const std::byte* stored,
                std::byte*& elsewhere, PageBatch& batch) const;

  std::shared_ptr<const File> file_;
  bool salvage_;
  Header header_;
  Root root_;
  Commit commit_;
  bool has_root_ = false;
  std::vector<Breadcrumb> breadcrumbs_;
  std::uint64_t trailing_bytes_ = 0;  // of something else, behind the image
  bool lies_on_device_ = false;       // or in a copy of one: more follows the image
  std::vector<Record> records_;
  std::vector<std::string> record_names_;  // of all that ROOT names: the type, or "broken"
  std::unique_ptr<Reader> base_;
  std::optional<Error> no_base_;          // why it is missing: OpenOptions::without_base
  std::unique_ptr<ImageReader> swapped_;  // null: none kept
  ImageInfo info_;

  mutable std::mutex mutex_;  // guards the caches
  mutable std::vector<std::shared_ptr<const LoadedIndex>> indexes_;
  mutable Pool<ZstdDecompressor> decompressors_;
  mutable Pool<std::vector<std::byte>> buffers_;                      // for payloads and for decoded chunks
  mutable std::vector<std::shared_ptr<DecodedChunk>> recent_chunks_;  // most recent first
  mutable std::uint64_t last_random_chunk_ = 0;                       // its offset
  mutable SlotHashes slot_hashes_;
};

}  // namespace hib::hib_image
