// The stream as uswsusp (suspend-utils, s2disk) stores it in a swap area: extents instead of a map chain, the
// info page inside the first chunk, MD5 over all, Blowfish over the blocks.
#pragma once

#include "format/swsusp/header.h"
#include "format/swsusp/map_chain.h"
#include "format/swsusp/page_stream.h"
#include "lib/base/pool.h"

namespace hib::swsusp {

// The image's own header page (struct image_header_info).
struct UswsuspHeader {
  std::uint32_t pages = 0;
  std::uint32_t flags = 0;
  std::uint64_t map_start = 0;  // byte offset of the first page of extents
  std::uint64_t data_bytes = 0;
  std::array<std::byte, 16> md5{};
  std::array<std::byte, 8> salt{};  // with kEncrypted

  static constexpr std::uint32_t kChecksum = 1;
  static constexpr std::uint32_t kCompressed = 2;
  static constexpr std::uint32_t kEncrypted = 4;
  static constexpr std::uint32_t kRsa = 8;
  static constexpr std::uint32_t kPlatform = 16;
  static constexpr std::uint32_t kKnown = 31;

  // An image has an info page, a PFN page and a data page at least.
  bool is_plausible() const { return pages >= 3 && (flags & ~kKnown) == 0; }
};

UswsuspHeader decode_uswsusp_header(ByteView page, const Abi& abi);

// Is the image uswsusp's? Where the signature was taken back, what it leads to tells.
bool is_uswsusp(const BlockSpace& space, const Header& header);

class UswsuspStream final : public PageStream {
 public:
  // Header and extents, which are never encrypted.
  static Result<std::unique_ptr<UswsuspStream>> find(BlockSpace space, const Header& header);
  // The stream itself. To be called once, before anything is read of it. Authentication when the passphrase
  // is missing or wrong.
  Result<void> open(const std::string& passphrase);

  const File& file() const override { return space_.file(); }
  std::uint64_t readable_chunks() const override;
  Result<void> read_chunk(std::uint64_t number, MutableBytes out) const override;
  Result<std::uint32_t> read_uncounted_chunk(std::uint64_t number, MutableBytes out) const override;
  Result<void> read_page(std::uint64_t page, MutableBytes out) const override;
  bool has_page(std::uint64_t page) const override;
  std::optional<std::uint64_t> chunk_offset(std::uint64_t number) const override;
  std::uint64_t info_offset() const override { return entry_offset(0); }
  std::optional<std::uint64_t> counted_pages() const override { return image_.pages; }
  void label(RangeMap& map) const override;
  // Of all that the image lies in: header, extents and stream.
  std::vector<BlockList::Run> image_blocks() const;
  bool is_compressed() const override { return (image_.flags & UswsuspHeader::kCompressed) != 0; }

  const UswsuspHeader& image() const { return image_; }
  // Why the pages cannot be read, with this passphrase; nothing: they can, if it is the right one.
  std::optional<Error> locked(const std::string& passphrase) const;

 private:
  struct Place {
    std::uint64_t first_entry = 0;
    std::uint32_t compressed_bytes = 0;
    std::uint32_t block_count = 0;
  };

  UswsuspStream(BlockSpace space, const Header& header);
  Result<void> read_header();
  void walk_extents();
  Result<void> read_info_page();
  void recount() override;
  void find_chunks();
  Result<ByteView> read_place(const Place& place, std::vector<std::byte>& buffer) const;
  Result<std::optional<Place>> place_at(std::uint64_t entry) const;
  Result<void> read_raw(std::uint64_t first_entry, MutableBytes out) const;
  // Decrypted, where the image is encrypted. Whole multiples of a cipher block.
  Result<void> read_entries(std::uint64_t first_entry, MutableBytes out) const;
  std::uint64_t entry_offset(std::uint64_t entry) const;
  void make_layers();

  BlockSpace space_;
  Header header_;
  UswsuspHeader image_;
  BlockList blocks_;
  std::vector<std::uint64_t> extent_pages_;
  std::vector<Damage> extents_damage_;
  std::vector<Place> places_;
  std::vector<std::byte> key_;  // empty: not encrypted
  std::array<std::byte, 8> iv_{};
  mutable Pool<std::vector<std::byte>> buffers_;
};

}  // namespace hib::swsusp
