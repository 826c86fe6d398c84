#include "format/swsusp/uswsusp_stream.h"

#include <unordered_set>

#include <fmt/format.h>

#include "format/swsusp/locate.h"
#include "lib/base/text.h"
#include "lib/codec/blowfish.h"
#include "lib/codec/lzo.h"
#include "lib/codec/md5.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

// struct image_header_info (suspend-utils, swsusp.h), 64-bit
constexpr std::size_t kPages = 0;
constexpr std::size_t kFlags = 8;
constexpr std::size_t kMapStart = 16;
constexpr std::size_t kDataBytes = 24;
constexpr std::size_t kMd5 = 32;
constexpr std::size_t kSalt = 48;  // only where it was built with encryption
// struct extent: start and end, bytes; the last of a page leads to the next page
constexpr std::size_t kExtentBytes = 16;

// The passphrase was wrong, or there is none. There is no test for it in the format: what it decrypts makes
// no sense.
Error authentication_error(const File& file, std::uint64_t offset, std::string found) {
  return file
      .error(ErrorKind::Authentication, offset, "uswsusp: encryption", std::move(found),
             "the one that s2disk was given")
      .advise("--passphrase-file FILE names a file that holds it");
}

bool is_block(const BlockSpace& space, std::uint64_t offset) {
  return offset != 0 && offset % space.page_size() == 0 &&
         space.contiguous(offset / space.page_size(), 1) == 1;
}

}  // namespace

UswsuspHeader decode_uswsusp_header(ByteView page, const Abi& abi) {
  UswsuspHeader header;
  header.pages = static_cast<std::uint32_t>(abi.u64(page, kPages));
  header.flags = abi.u32(page, kFlags);
  header.map_start = abi.u64(page, kMapStart);
  header.data_bytes = abi.u64(page, kDataBytes);
  std::memcpy(header.md5.data(), page.data() + kMd5, header.md5.size());
  std::memcpy(header.salt.data(), page.data() + kSalt, header.salt.size());
  return header;
}

namespace {

bool has_uswsusp_header(const BlockSpace& space, const Header& header) {
  std::vector<std::byte> page(header.page_size);
  if (!is_block(space, header.uswsusp_image) || !space.read(header.uswsusp_image / header.page_size, page))
    return false;
  const UswsuspHeader image = decode_uswsusp_header(page, {header.page_size, 8, header.big_endian});
  return image.is_plausible() && is_block(space, image.map_start);
}

}  // namespace

bool is_uswsusp(const BlockSpace& space, const Header& header) {
  if (header.state != State::Consumed) return header.dialect == Dialect::Uswsusp;
  return !leads_to_an_image(space, header) && has_uswsusp_header(space, header);
}

UswsuspStream::UswsuspStream(BlockSpace space, const Header& header)
    : space_(std::move(space)),
      header_(header),
      buffers_([] { return std::make_unique<std::vector<std::byte>>(); }) {
  first_chunk_page_ = 0;
}

Result<std::unique_ptr<UswsuspStream>> UswsuspStream::find(BlockSpace space, const Header& header) {
  auto stream = std::unique_ptr<UswsuspStream>(new UswsuspStream(std::move(space), header));
  TRY_OK(stream->read_header());
  stream->walk_extents();
  return stream;
}

std::optional<Error> UswsuspStream::locked(const std::string& passphrase) const {
  const std::uint64_t at = space_.file_offset(header_.uswsusp_image / header_.page_size).value_or(0) + kFlags;
  if ((image_.flags & UswsuspHeader::kRsa) != 0) {
    return file().error(ErrorKind::Unsupported, at, "uswsusp: encryption", "with an RSA key",
                        "a passphrase alone, or no encryption");
  }
  if ((image_.flags & UswsuspHeader::kEncrypted) == 0 || !passphrase.empty()) return std::nullopt;
  return authentication_error(file(), at, "no passphrase");
}

Result<void> UswsuspStream::open(const std::string& passphrase) {
  if (auto why = locked(passphrase)) return fail(std::move(*why));
  if ((image_.flags & UswsuspHeader::kEncrypted) != 0) {
    Md5 md5;
    md5.update(as_bytes(passphrase));
    const auto key = md5.digest();
    key_.assign(key.begin(), key.end());
    for (std::size_t i = 0; i < iv_.size(); ++i) {
      iv_[i] =
          (i < passphrase.size() ? static_cast<std::byte>(passphrase[i]) : std::byte{0}) ^ image_.salt[i];
    }
  }
  TRY_OK(read_info_page());
  recount();
  const std::uint64_t at = space_.file_offset(header_.uswsusp_image / header_.page_size).value_or(0);
  if ((image_.flags & UswsuspHeader::kChecksum) != 0) stored_md5_ = StoredMd5{image_.md5, at + kMd5};
  return {};
}

Result<void> UswsuspStream::read_header() {
  const std::uint64_t at = space_.file_offset(0).value_or(0) + header_.page_size - kUswsuspImageFromEnd;
  if (!is_block(space_, header_.uswsusp_image)) {
    return fail(file().error(
        ErrorKind::Corrupt, at, "swap header: image", hex(header_.uswsusp_image),
        fmt::format("the byte offset of a page below {:#x}", space_.block_count() * header_.page_size)));
  }
  std::vector<std::byte> page(header_.page_size);
  TRY_OK(space_.read(header_.uswsusp_image / header_.page_size, page));
  image_ = decode_uswsusp_header(page, {header_.page_size, 8, header_.big_endian});
  if (!is_block(space_, image_.map_start)) {
    return fail(file().error(
        ErrorKind::Corrupt, *space_.file_offset(header_.uswsusp_image / header_.page_size) + kMapStart,
        "uswsusp header: map_start", hex(image_.map_start), "the byte offset of a page"));
  }
  return {};
}

// Pages of extents; the last entry of each leads to the next.
void UswsuspStream::walk_extents() {
  const std::uint64_t page_size = header_.page_size;
  const Abi abi{header_.page_size, 8, header_.big_endian};
  const std::size_t last = page_size / kExtentBytes - 1;
  std::vector<std::byte> page(page_size);
  std::unordered_set<std::uint64_t> seen;
  const auto damage = [&](std::uint64_t at, std::string where, std::string found, std::string allowed) {
    extents_damage_.push_back(
        {file().error(ErrorKind::Corrupt, at, std::move(where), std::move(found), std::move(allowed)), {}});
  };
  std::uint64_t next = image_.map_start;
  while (next != 0 && !cancelled()) {
    const std::string where = fmt::format("extents page {}", extent_pages_.size());
    if (!is_block(space_, next) || !seen.insert(next).second) {
      damage(file().size(), where, hex(next),
             "the byte offset of a page that is not among the extents pages yet");
      return;
    }
    extent_pages_.push_back(next / page_size);
    const std::uint64_t at = *space_.file_offset(next / page_size);
    if (!space_.read(next / page_size, page)) return;
    for (std::size_t i = 0; i < last; ++i) {
      const std::uint64_t start = abi.u64(page, i * kExtentBytes);
      const std::uint64_t end = abi.u64(page, i * kExtentBytes + 8);
      if (start >= end) break;
      const std::uint64_t count = (end - start) / page_size;
      if (start % page_size != 0 || end % page_size != 0 ||
          space_.contiguous(start / page_size, count) != count ||
          blocks_.size() + count > space_.block_count()) {
        damage(at + i * kExtentBytes, fmt::format("{}: extent {}", where, i),
               fmt::format("{:#x} to {:#x}", start, end), "pages of the device");
        return;
      }
      for (std::uint64_t block = start / page_size; block < end / page_size; ++block) blocks_.add(block);
    }
    next = abi.u64(page, last * kExtentBytes);
  }
}

Result<void> UswsuspStream::read_info_page() {
  std::vector<std::byte> page(header_.page_size);
  // Until the info page is read the stream is as long as the header says.
  info_page_.abi = {header_.page_size, 8, header_.big_endian};
  info_page_.pages = std::max<std::uint64_t>(image_.pages, 1);
  const bool encrypted = !key_.empty();
  Result<std::uint32_t> read = 1U;
  if (is_compressed()) {
    TRY(const auto place, place_at(0));
    if (!place) {
      if (encrypted)
        return fail(authentication_error(file(), entry_offset(0),
                                         "a passphrase that makes no sense of the first page"));
      return fail(file().error(ErrorKind::Corrupt, entry_offset(0), "chunk 0: length", "not possible",
                               fmt::format("1..{}", max_compressed_bytes(header_.page_size))));
    }
    places_.push_back(*place);
    std::vector<std::byte> chunk_pages(std::size_t{kChunkPages} * header_.page_size);
    read = read_uncounted_chunk(0, chunk_pages);
    if (read) std::copy_n(chunk_pages.begin(), page.size(), page.begin());
    places_.clear();
  } else if (auto alone = read_entries(0, page); !alone) {
    read = fail(std::move(alone).error());
  }
  if (!read && encrypted && read.error().kind == ErrorKind::Corrupt)
    return fail(
        authentication_error(file(), entry_offset(0), "a passphrase that makes no sense of the first chunk"));
  if (!read) return fail(std::move(read).error());
  InfoPage info = parse_info_page(page, {header_.page_size, 8, header_.big_endian}, true);
  if (info.evidence == 0 && encrypted)
    return fail(
        authentication_error(file(), entry_offset(0), "a passphrase that makes no sense of the info page"));
  info_page_ = std::move(info);
  return {};
}

void UswsuspStream::recount() {
  damage_ = extents_damage_;
  layers_.clear();
  places_.clear();
  if (image_.pages != page_count()) {
    const std::uint64_t at = space_.file_offset(header_.uswsusp_image / header_.page_size).value_or(0);
    damage_.push_back(
        {file().error(ErrorKind::Corrupt, at + kPages, "uswsusp header: pages", std::to_string(image_.pages),
                      fmt::format("{}, the pages of the stream", page_count())),
         {}});
  }
  find_chunks();
  make_layers();
}

void UswsuspStream::find_chunks() {
  if (!is_compressed()) {
    if (blocks_.size() < page_count()) {
      damage_.push_back({file().error(ErrorKind::Truncated, file().size(), "extents",
                                      fmt::format("{} pages", blocks_.size()),
                                      fmt::format("{}, the pages of the stream", page_count())),
                         {}});
    }
    return;
  }
  std::uint64_t entry = 0;
  while (places_.size() < chunk_count() && entry < blocks_.size() && !cancelled()) {
    const auto place = place_at(entry);
    if (!place || !*place) {
      damage_.push_back({file().error(ErrorKind::Corrupt, entry_offset(entry),
                                      fmt::format("chunk {}: length", places_.size()), "not possible",
                                      fmt::format("1..{}", max_compressed_bytes(header_.page_size))),
                         {}});
      return;
    }
    places_.push_back(**place);
    entry += (*place)->block_count;
  }
}

Result<std::optional<UswsuspStream::Place>> UswsuspStream::place_at(std::uint64_t entry) const {
  std::array<std::byte, 8> raw{};
  TRY_OK(read_entries(entry, raw));
  const std::uint64_t size = info_page_.abi.word(raw, 0);
  if (size == 0 || size > max_compressed_bytes(header_.page_size)) return std::optional<Place>();
  const std::uint64_t blocks = (info_page_.abi.word_bytes + size + header_.page_size - 1) / header_.page_size;
  if (blocks > blocks_.size() - entry) return std::optional<Place>();
  return std::optional<Place>(
      Place{entry, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(blocks)});
}

Result<void> UswsuspStream::read_raw(std::uint64_t first_entry, MutableBytes out) const {
  std::uint64_t entry = first_entry;
  while (!out.empty()) {
    if (entry >= blocks_.size())
      return fail(file().error(ErrorKind::Truncated, file().size(),
                               fmt::format("page {} of the extents", entry), "none",
                               fmt::format("below {}", blocks_.size())));
    const BlockList::Run run = blocks_.part(entry, (out.size() + header_.page_size - 1) / header_.page_size);
    const std::size_t size = std::min<std::size_t>(out.size(), run.count * header_.page_size);
    TRY_OK(space_.read(run.block, out.first(size)));
    out = out.subspan(size);
    entry += run.count;
  }
  return {};
}

// CFB: what decrypts a block is the encrypted block before it, so reading may begin at any page.
Result<void> UswsuspStream::read_entries(std::uint64_t first_entry, MutableBytes out) const {
  TRY_OK(read_raw(first_entry, out));
  if (key_.empty()) return {};
  auto iv = iv_;
  if (first_entry > 0) {
    std::vector<std::byte> before(header_.page_size);
    TRY_OK(read_raw(first_entry - 1, before));
    std::copy_n(before.end() - static_cast<std::ptrdiff_t>(iv.size()), iv.size(), iv.begin());
  }
  BlowfishCfb(key_, iv).decrypt(out);
  return {};
}

Result<ByteView> UswsuspStream::read_place(const Place& place, std::vector<std::byte>& buffer) const {
  const std::size_t size = std::size_t{place.block_count} * header_.page_size;
  if (buffer.size() < size) buffer.resize(size);
  const MutableBytes bytes = MutableBytes(buffer).first(size);
  TRY_OK(read_entries(place.first_entry, bytes));
  return ByteView(bytes).subspan(info_page_.abi.word_bytes, place.compressed_bytes);
}

Result<void> UswsuspStream::read_chunk(std::uint64_t number, MutableBytes out) const {
  if (!is_compressed()) return read_entries(chunk(number).first_page, out);
  if (number >= places_.size())
    return fail(file().error(ErrorKind::Corrupt, file().size(), fmt::format("chunk {}", number),
                             "not found: a length before it is broken, or the extents end", "a chunk"));
  const auto buffer = buffers_.take();
  TRY(const ByteView data, read_place(places_[number], *buffer));
  auto decoded = lzo_decompress(data, out);
  if (!decoded)
    return fail(std::move(decoded)
                    .error()
                    .in(fmt::format("chunk {}", number))
                    .at(entry_offset(places_[number].first_entry))
                    .of(file().path()));
  return {};
}

Result<std::uint32_t> UswsuspStream::read_uncounted_chunk(std::uint64_t number, MutableBytes out) const {
  if (is_compressed()) {
    if (number >= places_.size())
      return fail(file().error(ErrorKind::Corrupt, file().size(), fmt::format("chunk {}", number),
                               "not found", "a chunk"));
    const auto buffer = buffers_.take();
    TRY(const ByteView data, read_place(places_[number], *buffer));
    TRY(const std::size_t size, lzo_decompress_within(data, out));
    return static_cast<std::uint32_t>(size / header_.page_size);
  }
  const std::uint64_t first = first_chunk_page_ + number * kChunkPages;
  const std::uint64_t left = blocks_.size() - std::min(first, blocks_.size());
  const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(kChunkPages, left));
  TRY_OK(read_entries(first, out.first(std::size_t{count} * header_.page_size)));
  return count;
}

Result<void> UswsuspStream::read_page(std::uint64_t page, MutableBytes out) const {
  return read_entries(page, out);
}

std::uint64_t UswsuspStream::readable_chunks() const {
  return is_compressed() ? places_.size() : (blocks_.size() + kChunkPages - 1) / kChunkPages;
}

bool UswsuspStream::has_page(std::uint64_t page) const {
  if (page >= page_count()) return false;
  return is_compressed() ? chunk_of_page(page) < places_.size() : page < blocks_.size();
}

std::uint64_t UswsuspStream::entry_offset(std::uint64_t entry) const {
  return entry >= blocks_.size() ? file().size()
                                 : space_.file_offset(blocks_.at(entry)).value_or(file().size());
}

std::optional<std::uint64_t> UswsuspStream::chunk_offset(std::uint64_t number) const {
  if (!is_compressed()) return entry_offset(chunk(number).first_page);
  if (number >= places_.size()) return std::nullopt;
  return entry_offset(places_[number].first_entry);
}

void UswsuspStream::make_layers() {
  layers_.push_back({"extents", damage_.empty() ? LayerResult::Ok : LayerResult::Bad,
                     fmt::format("{}, {} in {}", counted(extent_pages_.size(), "extents page"),
                                 counted(blocks_.size(), "block"), counted(blocks_.runs().size(), "run"))});
  if (is_compressed()) {
    const bool whole = places_.size() == chunk_count();
    layers_.push_back({"chunk framing", whole ? LayerResult::Ok : LayerResult::Bad,
                       fmt::format("{} of {} chunks", grouped(places_.size()), grouped(chunk_count()))});
  }
}

std::vector<BlockList::Run> UswsuspStream::image_blocks() const {
  std::vector<BlockList::Run> runs = blocks_.runs();
  runs.push_back({0, header_.uswsusp_image / header_.page_size, 1});
  for (const std::uint64_t page : extent_pages_) runs.push_back({0, page, 1});
  return runs;
}

void UswsuspStream::label(RangeMap& map) const {
  const std::uint32_t page_size = header_.page_size;
  if (const auto at = space_.file_offset(header_.uswsusp_image / page_size))
    map.add(*at, page_size, BlockSpace::label("uswsusp image header", header_.uswsusp_image / page_size, 1));
  for (std::size_t i = 0; i < extent_pages_.size(); ++i)
    map.add(*space_.file_offset(extent_pages_[i]), page_size,
            BlockSpace::label(fmt::format("extents page {}", i), extent_pages_[i], 1));
  for (const BlockList::Run& run : blocks_.runs())
    map.add(*space_.file_offset(run.block), run.count * page_size,
            BlockSpace::label("image data", run.block, run.count));
}

}  // namespace hib::swsusp
