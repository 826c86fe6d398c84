// Writes a .hib image (docs/format/hib.md) in one pass.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "format/hib/decode.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"
#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib::hib_image {

struct WriterOptions {
  int level = 1;
  std::uint32_t chunk_pages = 0;  // 0: the default for the page size

  // Incremental: pages that equal the base's page at the same PFN are not stored.
  const ImageReader* base = nullptr;
  std::string base_name;
  Hash128 base_root;

  bool without_swapped = false;                       // swapped-out pages are left out
  std::vector<Breadcrumb> breadcrumbs;                // what has happened so far
  std::function<std::vector<Record>()> late_records;  // asked for when all pages have been seen
};

// Of so many KiB, as far as the format allows: at least one.
std::uint32_t pages_of_chunk(std::uint32_t kib, std::uint32_t page_size);

struct WriterStatistics {
  std::uint64_t stored_pages = 0;
  std::uint64_t filled_pages = 0;
  std::uint64_t equal_pages = 0;
  std::uint64_t base_pages = 0;
  std::uint64_t present_pages = 0;  // of memory
  bool keeps_swapped = false;
  bool swapped_is_exact = true;  // false: all slots that the image did not lie in
  std::uint64_t swapped_pages = 0;
  std::uint64_t page_size = 4096;
  std::uint64_t file_bytes = 0;
  Hash128 root_hash;
};

class ImageWriter : public PageSink {
 public:
  const WriterStatistics& statistics() const { return statistics_; }  // whole after finish()
  WriteReport report() const override;

 protected:
  WriterStatistics statistics_;
  bool has_base_ = false;
};

// `source` is the image whose batches the sink will be given, with its swapped-out pages where it has any; a
// page is read from it again when another may equal it. Both must outlive the sink.
std::unique_ptr<ImageWriter> make_writer(Output& output, const ImageReader& source,
                                         std::vector<Record> records, const WriterOptions& options);

// Prepares a block device for an image: writes a file header and breadcrumbs, and no end. An earlier image
// there is not an image any more.
Result<void> write_claim(Output& device, const std::vector<Breadcrumb>& breadcrumbs);

}  // namespace hib::hib_image
