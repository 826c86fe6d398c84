// The stream of pages that a snapshot is — the info page, the PFN pages, the data pages — however it is
// stored. It comes in chunks that can be had one by one, by any thread.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "format/swsusp/info_page.h"
#include "format/swsusp/layout.h"
#include "lib/image/reader.h"
#include "lib/os/file.h"

namespace hib::swsusp {

struct StreamChunk {
  std::uint64_t first_page = 0;  // in the stream
  std::uint32_t page_count = 0;
};

class PageStream {
 public:
  virtual ~PageStream() = default;

  virtual const File& file() const = 0;
  const InfoPage& info_page() const { return info_page_; }
  std::uint32_t page_size() const { return info_page_.abi.page_size; }
  std::uint64_t page_count() const { return info_page_.pages; }
  // Other counts than the info page's, which has been shown to be wrong.
  void use_counts(std::uint64_t pages, std::uint64_t image_pages) {
    info_page_.pages = pages;
    info_page_.image_pages = image_pages;
    recount();
  }
  // How many pages the stream has by what it lies in, whatever the info page says; nothing where that does
  // not tell, or is broken.
  virtual std::optional<std::uint64_t> counted_pages() const = 0;

  // The chunks that make up the stream as the info page counts it, whether they can be read or not. All but
  // the first and the last are kChunkPages long. Chunk 0 begins at stream page first_chunk_page().
  std::uint64_t chunk_count() const;
  StreamChunk chunk(std::uint64_t number) const;
  std::uint64_t chunk_of_page(std::uint64_t page) const;

  // Chunks from this one on cannot be there, whatever the info page claims: what may be allocated and looped
  // over.
  virtual std::uint64_t readable_chunks() const = 0;

  // Fills `out` with the chunk's pages. Corrupt, Truncated … when it cannot.
  virtual Result<void> read_chunk(std::uint64_t number, MutableBytes out) const = 0;

  // The pages that the chunk has, however many the info page says; `out` has room for kChunkPages. How many.
  virtual Result<std::uint32_t> read_uncounted_chunk(std::uint64_t number, MutableBytes out) const = 0;

  // One page of the stream by itself, where pages are not compressed together.
  virtual Result<void> read_page(std::uint64_t page, MutableBytes out) const = 0;

  // False when it is known that the page cannot be had.
  virtual bool has_page(std::uint64_t page) const = 0;

  // Where in the file the chunk begins, for messages; nothing when that is not known.
  virtual std::optional<std::uint64_t> chunk_offset(std::uint64_t number) const = 0;

  // Where the info page lies, for messages.
  virtual std::uint64_t info_offset() const = 0;

  // Labels of everything that the stream lies in.
  virtual void label(RangeMap& map) const = 0;

  // What was found wrong while the stream was found: map chain, framing.
  const std::vector<Damage>& damage() const { return damage_; }
  // Those layers, each with its verdict.
  const std::vector<Layer>& layers() const { return layers_; }

  // The CRC-32 of all chunks in order, as the kernel computes it, where the image carries one.
  struct StoredCrc {
    std::uint32_t value = 0;
    std::uint64_t file_offset = 0;
  };
  std::optional<StoredCrc> stored_crc() const { return stored_crc_; }

  // MD5 over the whole stream, info page included (uswsusp).
  struct StoredMd5 {
    std::array<std::byte, 16> value{};
    std::uint64_t file_offset = 0;
  };
  std::optional<StoredMd5> stored_md5() const { return stored_md5_; }

  virtual bool is_compressed() const = 0;

 protected:
  // The counts have changed: chunks, damage and layers that follow from them.
  virtual void recount() = 0;

  std::uint64_t first_chunk_page_ = 1;
  InfoPage info_page_;
  std::vector<Damage> damage_;
  std::vector<Layer> layers_;
  std::optional<StoredCrc> stored_crc_;
  std::optional<StoredMd5> stored_md5_;
};

inline std::uint64_t PageStream::chunk_count() const {
  const std::uint64_t pages = page_count() - std::min(first_chunk_page_, page_count());
  return (pages + kChunkPages - 1) / kChunkPages;
}

inline StreamChunk PageStream::chunk(std::uint64_t number) const {
  const std::uint64_t first = first_chunk_page_ + number * kChunkPages;
  return {first, static_cast<std::uint32_t>(std::min<std::uint64_t>(kChunkPages, page_count() - first))};
}

inline std::uint64_t PageStream::chunk_of_page(std::uint64_t page) const {
  return (page - first_chunk_page_) / kChunkPages;
}

}  // namespace hib::swsusp
