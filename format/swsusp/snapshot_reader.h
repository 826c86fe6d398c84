// The reader of every form that a snapshot is stored in: PFN pages and data pages out of a PageStream, as an
// image.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>

#include "format/swsusp/counts.h"
#include "format/swsusp/image_record.h"
#include "format/swsusp/memory_map_search.h"
#include "format/swsusp/page_stream.h"
#include "format/swsusp/pfn_list.h"
#include "format/swsusp/restore_check.h"
#include "format/swsusp/swapped_pages.h"
#include "lib/base/pool.h"
#include "lib/image/reader.h"

namespace hib::swsusp {

// What the wrapping around the stream adds to what the stream itself says.
struct SnapshotParts {
  ImageInfo info;                                  // format, variant, state, codec, findings
  std::vector<Layer> layers;                       // proven before the stream was found: signature, header
  std::vector<Damage> damage;                      // of those
  std::function<void(RangeMap&)> label;            // everything but the stream
  std::optional<SlotPlaces> slots;                 // of the swap area that the image lies in
  std::string no_crc = "this image carries none";  // why a compressed image cannot be proven
  ImageRecord
      record;  // what a writer needs to make such an image again; zero flag and info page are filled in here
};

class SnapshotReader final : public ImageReader {
 public:
  // Reads the PFN pages.
  static Result<std::unique_ptr<ImageReader>> create(std::unique_ptr<PageStream> stream, SnapshotParts parts);

  const ImageInfo& info() const override { return parts_.info; }
  // Looks, when first asked, into the kernel's own pages: for VMCOREINFO, the processor's registers, and
  // which slots of the swap area are in use.
  const std::vector<Record>& records() const override;
  const ImageReader* swapped_pages() const override;
  Result<std::unique_ptr<RunSource>> runs() const override;
  Result<std::unique_ptr<BatchSource>> batches() const override;
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override;
  WholeCheck check_whole() const override;

  const PageStream& stream() const { return *stream_; }
  const PfnList& pfns() const { return pfns_; }

 private:
  enum class ChunkState : std::uint8_t { Unknown, Good, Bad };
  class Pieces;
  class Runs;
  class Batches;
  class ChunkInHand;

  SnapshotReader(std::unique_ptr<PageStream> stream, SnapshotParts parts);
  void read_lists();
  void read_pfn_pages();
  std::optional<PfnCounter> count_pfns() const;
  void use_counts(const StreamCounts& counts);
  void check_info_page();
  void fill_record();
  void fill_info();
  void check_restore();
  void collect_damage();
  WholeCheck check_md5() const;
  WholeCheck check_checksum() const;
  void check_memory_map(WholeCheck& check) const;
  void check_memory_size(WholeCheck& check) const;
  // Decodes, and remembers the CRC and whether it worked.
  Result<void> read_chunk(std::uint64_t chunk, MutableBytes out) const;
  std::uint64_t stream_page(std::uint64_t data_index) const { return 1 + pfn_pages_ + data_index; }
  bool is_lost(std::uint64_t data_index) const;
  struct Gap {  // chunks, or pages of the stream where pages stand alone
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };
  void find_gaps();
  Error lost_page(std::uint64_t page) const;
  std::uint64_t gap_offset(const Gap& gap) const;
  std::shared_ptr<const std::vector<std::byte>> recent_chunk(std::uint64_t chunk) const;
  Result<std::shared_ptr<const std::vector<std::byte>>> cached_chunk(
      std::uint64_t chunk) const;  // whole and decoded

  std::unique_ptr<PageStream> stream_;
  SnapshotParts parts_;
  std::uint64_t pfn_pages_ = 0;
  PfnList pfns_;
  bool list_is_whole_ = false;  // every PFN page was read, and they fit the counts
  Layer pfn_layer_;
  std::vector<Damage> info_damage_;  // of the info page
  Layer info_layer_;
  RecordCheck restore_;
  mutable std::optional<MemoryMapSearch> memory_map_;  // the digest's table, seen while pages are loaded
  std::vector<Gap> gaps_;                              // ascending; what lies in one cannot be had
  bool may_lose_pages_ = true;                         // false: every page has its place, no need to ask

  // Written by the one thread that has the chunk in hand.
  mutable std::vector<ChunkState> chunk_states_;
  mutable std::vector<std::uint32_t> chunk_crcs_;

  mutable std::mutex mutex_;  // guards the cache
  mutable std::vector<std::pair<std::uint64_t, std::shared_ptr<const std::vector<std::byte>>>> recent_;
  mutable std::once_flag records_once_;
  mutable std::vector<Record> records_;
  mutable std::unique_ptr<ImageReader> swapped_;
};

}  // namespace hib::swsusp
