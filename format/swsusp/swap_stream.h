// The stream as mainline stores it in a swap area: blocks by the map chain, compressed in chunks or not at
// all.
#pragma once

#include "format/swsusp/header.h"
#include "format/swsusp/map_chain.h"
#include "format/swsusp/page_stream.h"
#include "lib/base/pool.h"

namespace hib::swsusp {

enum class Codec { None, Lzo, Lz4 };

class SwapStream final : public PageStream {
 public:
  // Walks the map chain, reads the info page and, of a compressed image, the first bytes of every chunk.
  // Fails only when the info page's block cannot be read; all else is damage.
  static Result<std::unique_ptr<SwapStream>> open(BlockSpace space, const Header& header,
                                                  std::uint64_t header_block);
  // The same by a chain that was put together in another way, and that may have long gaps. `is_alone`: no
  // other image was written over this one, so that every chunk among its blocks is its own.
  static Result<std::unique_ptr<SwapStream>> open(BlockSpace space, const Header& header,
                                                  std::uint64_t header_block, MapChain chain, bool is_alone);

  const File& file() const override { return space_.file(); }
  std::uint64_t readable_chunks() const override;
  Result<void> read_chunk(std::uint64_t number, MutableBytes out) const override;
  Result<std::uint32_t> read_uncounted_chunk(std::uint64_t number, MutableBytes out) const override;
  Result<void> read_page(std::uint64_t page, MutableBytes out) const override;
  bool has_page(std::uint64_t page) const override;
  std::optional<std::uint64_t> chunk_offset(std::uint64_t number) const override;
  std::uint64_t info_offset() const override { return entry_offset(0); }
  std::optional<std::uint64_t> counted_pages() const override { return counted_pages_; }
  void label(RangeMap& map) const override;
  bool is_compressed() const override { return codec_ != Codec::None; }

  const Header& header() const { return header_; }
  std::uint64_t header_block() const { return header_block_; }
  const BlockSpace& space() const { return space_; }
  const MapChain& chain() const { return chain_; }
  bool has_whole_chain() const { return chain_.damage.empty() && chain_.reached_end; }

 private:
  // A compressed chunk's place in the block list.
  struct Place {
    std::uint64_t first_entry = 0;
    std::uint32_t compressed_bytes = 0;  // 0: not found
    std::uint32_t block_count = 0;
  };

  SwapStream(BlockSpace space, const Header& header, std::uint64_t header_block);
  Result<void> read_info_page();
  void find_word_size(ByteView info_page);
  bool first_pfns_ascend() const;
  // Chunks that lie one behind the other; `end_entry` is where the next would begin.
  struct Segment {
    std::vector<Place> places;
    std::uint64_t end_entry = 0;
  };

  void recount() override;
  void find_chunks();
  // What makes a chunk one: that its length is possible, or also that it decodes. Where something else was
  // written over many chunks, lengths alone would lead astray.
  enum class Proof { Length, Content };
  std::vector<Segment> find_segments(Proof proof);
  static std::uint64_t places_in(const std::vector<Segment>& segments);
  bool explains_all(const std::vector<Segment>& segments) const;
  bool is_whole_chunk(const Place& place, MutableBytes room) const;
  void forget_framing();
  std::optional<std::uint64_t> count_pages(const std::vector<Segment>& segments) const;
  std::vector<std::optional<std::uint64_t>> lost_before(const std::vector<Segment>& segments,
                                                        std::uint64_t lost) const;
  bool number_by_gaps(const std::vector<Segment>& segments);
  void number_both_ends(const std::vector<Segment>& segments);
  void number_chunks(const std::vector<Segment>& segments);
  std::uint64_t most_blocks() const;  // of a chunk
  std::optional<Place> place_at(std::uint64_t entry) const;
  std::optional<std::uint64_t> find_next_whole_chunk(std::uint64_t from, std::uint64_t limit);
  std::uint64_t search_limit(std::uint64_t from, Proof proof) const;
  static std::uint64_t blocks_of(const std::vector<Place>& places);
  bool fit(std::uint64_t chunks, std::uint64_t entries) const;
  Result<void> read_entries(std::uint64_t first_entry, MutableBytes out) const;
  Result<ByteView> read_place(const Place& place, std::vector<std::byte>& buffer) const;
  Result<void> decode(const Place& place, std::uint64_t number, MutableBytes out) const;
  // The pages of a chunk of which only the limit is known.
  Result<std::uint32_t> decode_within(const Place& place, MutableBytes out) const;
  std::uint64_t entry_offset(std::uint64_t entry) const;
  void report_framing(std::uint64_t number, std::uint64_t entry, std::string found, std::string allowed);
  void note_early_end();
  void note_stale_map_page();
  void make_layers();

  BlockSpace space_;
  Header header_;
  std::uint64_t header_block_;
  Codec codec_;
  MapChain chain_;
  bool is_alone_ = true;          // no chunk of another image lies among its blocks
  std::uint64_t tries_left_ = 0;  // of find_next_whole_chunk()
  std::vector<Place> places_;
  std::optional<std::uint64_t> counted_pages_;
  std::size_t framing_damage_ = 0;
  std::uint64_t first_broken_entry_ = 0;
  std::uint64_t lost_chunks_ = 0;
  mutable Pool<std::vector<std::byte>> buffers_;
};

}  // namespace hib::swsusp
