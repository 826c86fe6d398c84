// From page descriptors to pages.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "format/kdump/decode.h"
#include "lib/base/pool.h"
#include "lib/codec/zstd.h"
#include "lib/image/reader.h"

namespace hib::kdump {

inline constexpr std::uint64_t kDescriptorsPerRead = (1U << 20) / sizeof(PageDescriptor);

struct PagePlace {
  Pfn pfn = 0;
  std::uint64_t number = 0;  // of its descriptor
};

struct WantedPage {
  PagePlace place;
  std::byte* out = nullptr;  // block_size bytes
  PageDescriptor descriptor;
  std::optional<Error> error;
};

// The descriptors of a dump and the data that they point at. Thread-safe. The dump and its headers must
// outlive it.
class PageTable {
 public:
  PageTable(const DumpFile& dump, const Headers& headers);

  // The first descriptor in this file is that of page `number` of the dump: not 0 in a part of it.
  void count_from(std::uint64_t number) { first_number_ = number; }

  // `count` descriptors from number `first` on; fewer when the dump ends before.
  Result<std::vector<PageDescriptor>> read(std::uint64_t first, std::uint64_t count) const;

  // What is wrong with a descriptor.
  std::optional<Error> check(const PageDescriptor& d, const PagePlace& page) const;
  bool has_data(const PageDescriptor& d) const;  // all of it is in the file: page data is never left out
  // The empty descriptor that an interrupted makedumpfile leaves behind, which crash takes for a missing
  // page.
  static bool was_never_written(const PageDescriptor& d);

  // Fills each page's `out`, or its `error`. `pages` are in ascending order.
  void load(std::span<WantedPage> pages) const;

 private:
  struct Decoder {
    ZstdDecompressor zstd;
    std::vector<std::byte> data;
  };

  void read_descriptors(std::span<WantedPage> pages) const;
  void read_group(WantedPage* const* first, WantedPage* const* last, Decoder& decoder) const;
  Result<void> decode(Decoder& decoder, const PageDescriptor& d, ByteView data, MutableBytes out) const;
  std::uint64_t descriptor_offset(std::uint64_t number) const {
    return headers_.descriptors + (number - first_number_) * sizeof(PageDescriptor);
  }

  const DumpFile& dump_;
  const Headers& headers_;
  std::uint64_t first_number_ = 0;
  mutable Pool<Decoder> decoders_;
};

// The page becomes the batch's next item, and damage where it could not be read.
void add_to_batch(WantedPage& page, std::uint32_t page_size, PageBatch& batch);

}  // namespace hib::kdump
