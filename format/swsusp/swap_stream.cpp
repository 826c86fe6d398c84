#include "format/swsusp/swap_stream.h"

#include <algorithm>
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "format/swsusp/pfn_list.h"
#include "lib/base/text.h"
#include "lib/codec/lz4.h"
#include "lib/codec/lzo.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kFirstChunkEntry = 1;  // entry 0 is the info page
constexpr std::size_t kMaxListedChunks = 1000;
constexpr std::uint64_t kMostChunkTries = 1U << 14;  // to find a chunk; each decodes one

}  // namespace

SwapStream::SwapStream(BlockSpace space, const Header& header, std::uint64_t header_block)
    : space_(std::move(space)),
      header_(header),
      header_block_(header_block),
      codec_(!header.compressed()             ? Codec::None
             : (header.flags & kFlagLz4) != 0 ? Codec::Lz4
                                              : Codec::Lzo),
      buffers_([] { return std::make_unique<std::vector<std::byte>>(); }) {}

Result<std::unique_ptr<SwapStream>> SwapStream::open(BlockSpace space, const Header& header,
                                                     std::uint64_t header_block) {
  MapChain chain =
      walk_map_chain(space, {header.page_size, 8, header.big_endian}, header.image, header_block);
  return open(std::move(space), header, header_block, std::move(chain), true);
}

Result<std::unique_ptr<SwapStream>> SwapStream::open(BlockSpace space, const Header& header,
                                                     std::uint64_t header_block, MapChain chain,
                                                     bool is_alone) {
  auto stream = std::unique_ptr<SwapStream>(new SwapStream(std::move(space), header, header_block));
  stream->is_alone_ = is_alone;
  stream->chain_ = std::move(chain);
  if (auto info = stream->read_info_page(); !info) {
    // Without it nothing can be placed; the first thing wrong in the chain is the better reason.
    if (!stream->chain_.damage.empty()) return fail(stream->chain_.damage.front().error);
    return fail(std::move(info).error());
  }
  if (header.has_crc() && stream->is_compressed()) {
    const std::uint64_t at =
        stream->space_.file_offset(stream->header_block_).value_or(0) + header.page_size - kCrcFromEnd;
    stream->stored_crc_ = StoredCrc{header.crc32, at};
  }
  stream->recount();
  return stream;
}

Result<void> SwapStream::read_info_page() {
  if (chain_.blocks.size() == 0) {
    return fail(file().error(ErrorKind::Corrupt, space_.file_offset(header_.image).value_or(0),
                             "map page 0: entry 0", "0", "the block of the info page"));
  }
  std::vector<std::byte> page(header_.page_size);
  TRY_OK(read_entries(0, page));
  info_page_ = parse_info_page(page, {header_.page_size, 8, header_.big_endian}, true);
  if (info_page_.evidence < InfoPage::kCertain) find_word_size(page);
  return {};
}

// Little in the info page makes sense. PFNs ascend only if they are read as words of the right size.
void SwapStream::find_word_size(ByteView info_page) {
  if (first_pfns_ascend()) return;
  const Abi guessed = info_page_.abi;
  info_page_.abi.word_bytes = guessed.word_bytes == 8 ? 4 : 8;
  const Abi other = info_page_.abi;
  info_page_ = read_info_page_as(info_page, first_pfns_ascend() ? other : guessed);
}

bool SwapStream::first_pfns_ascend() const {
  std::vector<std::byte> pages(std::size_t{kChunkPages} * header_.page_size);
  const MutableBytes first = MutableBytes(pages).first(header_.page_size);
  if (codec_ == Codec::None) {
    if (!read_entries(kFirstChunkEntry, first)) return false;
  } else {
    const auto place = place_at(kFirstChunkEntry);
    if (!place || !decode_within(*place, pages)) return false;
  }
  return PfnCounter(info_page_.abi).add_page(first);
}

std::uint64_t SwapStream::most_blocks() const {
  return (info_page_.abi.word_bytes + max_compressed_bytes(header_.page_size) + header_.page_size - 1) /
         header_.page_size;
}

// ---- chunks

std::uint64_t SwapStream::entry_offset(std::uint64_t entry) const {
  return swsusp::entry_offset(space_, chain_.blocks, entry);
}

Result<void> SwapStream::read_entries(std::uint64_t first_entry, MutableBytes out) const {
  return swsusp::read_entries(space_, chain_.blocks, first_entry, out);
}

// What the chunk that begins at `entry` says of its length; nothing when that is impossible.
std::optional<SwapStream::Place> SwapStream::place_at(std::uint64_t entry) const {
  std::array<std::byte, 8> raw{};
  const std::uint32_t word = info_page_.abi.word_bytes;
  if (!read_entries(entry, MutableBytes(raw).first(word))) return std::nullopt;
  const std::uint64_t size = info_page_.abi.word(raw, 0);
  if (size == 0 || size > max_compressed_bytes(header_.page_size)) return std::nullopt;
  const std::uint64_t blocks = (word + size + header_.page_size - 1) / header_.page_size;
  if (blocks > chain_.blocks.size() - entry) return std::nullopt;
  return Place{entry, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(blocks)};
}

// Each chunk's length says where the next begins, so one broken length would lose all that follow. Behind it,
// the next place where a length is possible, the one after it too, and the content decodes, is a chunk again.
std::optional<std::uint64_t> SwapStream::find_next_whole_chunk(std::uint64_t from, std::uint64_t limit) {
  std::vector<std::byte> pages(std::size_t{kChunkPages} * header_.page_size);
  for (std::uint64_t entry = from; entry < limit && !cancelled(); ++entry) {
    const BlockList::Run run = chain_.blocks.part(entry, limit - entry);
    if (run.block == kNoBlock) {
      entry += run.count - 1;
      continue;
    }
    const auto place = place_at(entry);
    if (!place) continue;
    const std::uint64_t next = entry + place->block_count;
    if (next < chain_.blocks.size() && !place_at(next)) continue;
    if (tries_left_ == 0) break;
    --tries_left_;
    if (is_whole_chunk(*place, pages)) return entry;
  }
  return std::nullopt;
}

// Only the last one may have less than kChunkPages.
bool SwapStream::is_whole_chunk(const Place& place, MutableBytes room) const {
  const auto count = decode_within(place, room);
  return count && (*count == kChunkPages || place.first_entry + place.block_count == chain_.blocks.size());
}

std::uint64_t SwapStream::search_limit(std::uint64_t from, Proof proof) const {
  const std::uint64_t entries = chain_.blocks.size();
  return proof == Proof::Content ? entries : std::min(entries, from + 2 * most_blocks());
}

void SwapStream::report_framing(std::uint64_t number, std::uint64_t entry, std::string found,
                                std::string allowed) {
  if (framing_damage_++ == 0) first_broken_entry_ = entry;
  if (framing_damage_ > kMaxListedChunks) return;
  damage_.push_back(
      {file().error(ErrorKind::Corrupt, entry_offset(entry), fmt::format("chunk {}: length", number),
                    std::move(found), std::move(allowed)),
       {}});
}

void SwapStream::find_chunks() {
  const std::uint64_t entries = chain_.blocks.size();
  if (codec_ == Codec::None) {
    if (chain_.reached_end && chain_.damage.empty()) counted_pages_ = entries;
    if (entries != page_count()) {
      ++framing_damage_;
      first_broken_entry_ = std::min(entries, page_count());
      damage_.push_back(
          {file().error(ErrorKind::Corrupt, entry_offset(0), "map chain: entries", std::to_string(entries),
                        fmt::format("{}, the pages of the stream", page_count())),
           {}});
      if (entries < page_count()) note_early_end();
      note_stale_map_page();
    }
    return;
  }
  std::vector<Segment> segments = find_segments(Proof::Length);
  if (!explains_all(segments)) {
    forget_framing();
    segments = find_segments(Proof::Content);
  }
  counted_pages_ = count_pages(segments);
  number_chunks(segments);
  if (lost_chunks_ > 0) note_early_end();
  note_stale_map_page();
}

// Every chunk but the last has kChunkPages pages, and decoding the last tells how many it has.
std::optional<std::uint64_t> SwapStream::count_pages(const std::vector<Segment>& segments) const {
  if (!chain_.reached_end || !chain_.damage.empty() || segments.size() != 1) return std::nullopt;
  const std::vector<Place>& places = segments.front().places;
  if (places.empty() || segments.front().end_entry != chain_.blocks.size()) return std::nullopt;
  std::vector<std::byte> pages(std::size_t{kChunkPages} * header_.page_size);
  const auto last = decode_within(places.back(), pages);
  if (!last) return std::nullopt;
  return first_chunk_page_ + (places.size() - 1) * kChunkPages + *last;
}

// Chunks that follow each other without a gap. Between two segments at least one chunk is lost.
std::vector<SwapStream::Segment> SwapStream::find_segments(Proof proof) {
  tries_left_ = kMostChunkTries;
  const std::uint64_t entries = chain_.blocks.size();
  std::vector<std::byte> pages(std::size_t{kChunkPages} * header_.page_size);
  std::vector<Segment> segments(1);
  segments.front().end_entry = kFirstChunkEntry;
  std::uint64_t entry = kFirstChunkEntry;
  std::uint64_t number = 0;  // for messages; exact up to the first gap
  while (entry < entries && !cancelled()) {
    Segment& segment = segments.back();
    const auto place = place_at(entry);
    if (place && (proof == Proof::Length || is_whole_chunk(*place, pages))) {
      segment.places.push_back(*place);
      entry += place->block_count;
      segment.end_entry = entry;
      ++number;
      continue;
    }
    std::array<std::byte, 8> raw{};
    const bool readable = read_entries(entry, MutableBytes(raw).first(info_page_.abi.word_bytes)).has_value();
    report_framing(number, entry,
                   !readable ? std::string("an entry without a block")
                             : std::to_string(info_page_.abi.word(raw, 0)) +
                                   (place ? ", and the content does not decode" : ""),
                   fmt::format("1..{}, inside the map", max_compressed_bytes(header_.page_size)));
    // Either this length is broken, or the one before lied and this is not the beginning of a chunk.
    std::uint64_t from = entry + 1;
    const bool may_lie = proof == Proof::Length && !segment.places.empty();
    if (may_lie && !decode(segment.places.back(), number - 1, pages)) {
      segment.end_entry = segment.places.back().first_entry;
      from = segment.end_entry + 1;
      segment.places.pop_back();
    } else {
      ++number;
    }
    const auto found = find_next_whole_chunk(from, search_limit(from, proof));
    segments.emplace_back();
    if (!found) break;
    entry = *found;
  }
  return segments;
}

std::uint64_t SwapStream::blocks_of(const std::vector<Place>& places) {
  return std::accumulate(places.begin(), places.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Place& place) { return sum + place.block_count; });
}

// Could so many chunks lie in so many entries? Each has a block at least, and no more than most_blocks().
bool SwapStream::fit(std::uint64_t chunks, std::uint64_t entries) const {
  return chunks <= entries && entries <= chunks * most_blocks();
}

std::uint64_t SwapStream::places_in(const std::vector<Segment>& segments) {
  return std::accumulate(
      segments.begin(), segments.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Segment& segment) { return sum + segment.places.size(); });
}

// Every chunk has its place; or each gap is one chunk; or the stream just ends too early.
bool SwapStream::explains_all(const std::vector<Segment>& segments) const {
  const std::uint64_t found = places_in(segments);
  const std::uint64_t gaps = segments.size() - 1;
  if (!is_alone_) return gaps == 0 && found == chunk_count();
  return gaps == 0 || (segments.back().end_entry == chain_.blocks.size() && found + gaps == chunk_count());
}

// How many chunks are lost before each segment, where only one number is possible: each gap has room for so
// many, and all of them together are as many as are missing.
std::vector<std::optional<std::uint64_t>> SwapStream::lost_before(const std::vector<Segment>& segments,
                                                                  std::uint64_t lost) const {
  std::vector<std::uint64_t> fewest(segments.size());  // up to and with the gap before that segment
  std::vector<std::uint64_t> most(segments.size());
  for (std::size_t i = 1; i < segments.size(); ++i) {
    const std::uint64_t gap = segments[i].places.front().first_entry - segments[i - 1].end_entry;
    fewest[i] = fewest[i - 1] + std::max<std::uint64_t>(1, (gap + most_blocks() - 1) / most_blocks());
    most[i] = most[i - 1] + gap;
  }
  std::vector<std::optional<std::uint64_t>> before(segments.size());
  if (lost < fewest.back() || lost > most.back()) return before;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::uint64_t fewest_behind = fewest.back() - fewest[i];
    const std::uint64_t most_behind = most.back() - most[i];
    const std::uint64_t at_least = std::max(fewest[i], lost - std::min(lost, most_behind));
    const std::uint64_t at_most = std::min(most[i], lost - std::min(lost, fewest_behind));
    if (at_least == at_most) before[i] = at_least;
  }
  return before;
}

// Which chunk of the stream is which, of all segments whose chunks can have one number only. False where that
// cannot be told of the last one, to which all the others count, or another image may have chunks among them.
bool SwapStream::number_by_gaps(const std::vector<Segment>& segments) {
  const std::uint64_t found = places_in(segments);
  const bool reaches_end = segments.size() > 1 && segments.back().end_entry == chain_.blocks.size();
  const bool has_begins = std::none_of(segments.begin() + 1, segments.end(),
                                       [](const Segment& segment) { return segment.places.empty(); });
  if (!is_alone_ || !reaches_end || !has_begins || found > chunk_count()) return false;
  const auto before = lost_before(segments, chunk_count() - found);
  if (!before.back()) return false;
  places_.assign(chunk_count(), Place{});
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const std::vector<Place>& places = segments[i].places;
    if (before[i])
      std::copy(places.begin(), places.end(),
                places_.begin() + static_cast<std::ptrdiff_t>(number + *before[i]));
    number += places.size();
  }
  return true;
}

// The same of the first segment, and of the last one by counting from the end. What lies between is not used,
// since its pages could get the PFNs of others.
void SwapStream::number_both_ends(const std::vector<Segment>& segments) {
  const std::uint64_t entries = chain_.blocks.size();
  const auto& head = segments.front().places;
  const auto& tail = segments.back().places;
  places_ = head;
  if (segments.size() == 1 || segments.back().end_entry != entries) return;
  const std::uint64_t at_both_ends = head.size() + tail.size();
  const std::uint64_t between =
      entries - std::min(entries, kFirstChunkEntry + blocks_of(head) + blocks_of(tail));
  if (chunk_count() <= at_both_ends || !fit(chunk_count() - at_both_ends, between)) return;
  places_.resize(chunk_count() - tail.size());
  places_.insert(places_.end(), tail.begin(), tail.end());
}

void SwapStream::number_chunks(const std::vector<Segment>& segments) {
  const std::uint64_t wanted = chunk_count();
  const std::uint64_t entries = chain_.blocks.size();
  if (!number_by_gaps(segments)) number_both_ends(segments);
  if (places_.size() > wanted) {
    if (framing_damage_ == 0)
      report_framing(wanted, places_[wanted].first_entry,
                     fmt::format("{} entries left over", entries - places_[wanted].first_entry), "none");
    places_.resize(wanted);
  }
  const auto known = static_cast<std::uint64_t>(
      std::count_if(places_.begin(), places_.end(), [](const Place& p) { return p.compressed_bytes != 0; }));
  lost_chunks_ = wanted - known;
  if (lost_chunks_ > 0 && framing_damage_ == 0) {
    report_framing(places_.size(), entries, fmt::format("no block left: the map has {} entries", entries),
                   fmt::format("{} chunks, for {} pages", wanted, page_count()));
  }
}

// A page of zeros, as a discard or a new file system leaves it, looks like an empty last map page.
void SwapStream::note_early_end() {
  if (!chain_.reached_end || !chain_.ends_empty() || !chain_.damage.empty()) return;
  chain_.damage.push_back(
      {file().error(ErrorKind::Corrupt, space_.file_offset(chain_.map_pages.back()).value_or(0),
                    fmt::format("map page {}", chain_.map_pages.size() - 1), "zeros",
                    "the entries of the blocks that are missing"),
       {}});
  damage_.push_back(chain_.damage.back());
}

// Linux since 5.12 writes the signature before the last map page: a power cut in between leaves an armed
// header and, as the last map page, whatever lay there. Then all is well up to the first chunk of that page.
void SwapStream::note_stale_map_page() {
  const std::uint64_t page = first_broken_entry_ / (header_.page_size / kMapEntryBytes - 1);
  const std::uint64_t into = first_broken_entry_ % (header_.page_size / kMapEntryBytes - 1);
  if (framing_damage_ == 0 || page == 0 || page >= chain_.map_pages.size() || into > most_blocks()) return;
  damage_.push_back({file().error(ErrorKind::Corrupt, space_.file_offset(chain_.map_pages[page]).value_or(0),
                                  fmt::format("map page {}", page),
                                  "does not fit what lies before it: a stale page, not written before power "
                                  "was lost? The kernel writes the last map page after the signature",
                                  "the entries of this image"),
                     {}});
}

Result<ByteView> SwapStream::read_place(const Place& place, std::vector<std::byte>& buffer) const {
  const std::size_t size = std::size_t{info_page_.abi.word_bytes} + place.compressed_bytes;
  if (buffer.size() < size) buffer.resize(size);
  const MutableBytes bytes = MutableBytes(buffer).first(size);
  TRY_OK(read_entries(place.first_entry, bytes));
  return ByteView(bytes).subspan(info_page_.abi.word_bytes);
}

Result<void> SwapStream::decode(const Place& place, std::uint64_t number, MutableBytes out) const {
  const auto buffer = buffers_.take();
  TRY(const ByteView data, read_place(place, *buffer));
  auto decoded = codec_ == Codec::Lz4 ? lz4_decompress(data, out) : lzo_decompress(data, out);
  if (!decoded)
    return fail(std::move(decoded)
                    .error()
                    .in(fmt::format("chunk {}", number))
                    .at(entry_offset(place.first_entry))
                    .of(file().path()));
  return {};
}

Result<std::uint32_t> SwapStream::decode_within(const Place& place, MutableBytes out) const {
  const auto buffer = buffers_.take();
  TRY(const ByteView data, read_place(place, *buffer));
  TRY(const std::size_t size,
      codec_ == Codec::Lz4 ? lz4_decompress_within(data, out) : lzo_decompress_within(data, out));
  if (size == 0 || size % header_.page_size != 0) {
    return fail(file().error(ErrorKind::Corrupt, entry_offset(place.first_entry), "chunk",
                             fmt::format("{} bytes of content", size), "whole pages"));
  }
  return static_cast<std::uint32_t>(size / header_.page_size);
}

std::uint64_t SwapStream::readable_chunks() const {
  if (codec_ != Codec::None) return std::max<std::uint64_t>(places_.size(), 1);
  return (chain_.blocks.size() - 1 + kChunkPages - 1) / kChunkPages;
}

Result<void> SwapStream::read_page(std::uint64_t page, MutableBytes out) const {
  return read_entries(page, out);
}

Result<void> SwapStream::read_chunk(std::uint64_t number, MutableBytes out) const {
  if (codec_ == Codec::None) return read_entries(chunk(number).first_page, out);
  if (number >= places_.size() || places_[number].compressed_bytes == 0) {
    return fail(file().error(ErrorKind::Corrupt, chunk_offset(number).value_or(file().size()),
                             fmt::format("chunk {}", number),
                             "not found: a length before it is broken, or the map ends", "a chunk"));
  }
  return decode(places_[number], number, out);
}

Result<std::uint32_t> SwapStream::read_uncounted_chunk(std::uint64_t number, MutableBytes out) const {
  if (codec_ == Codec::None) {
    const std::uint64_t first = first_chunk_page_ + number * kChunkPages;
    const std::uint64_t left = chain_.blocks.size() - std::min(first, chain_.blocks.size());
    const auto count = static_cast<std::uint32_t>(std::min<std::uint64_t>(kChunkPages, left));
    TRY_OK(read_entries(first, out.first(std::size_t{count} * header_.page_size)));
    return count;
  }
  if (number >= places_.size() || places_[number].compressed_bytes == 0) {
    return fail(file().error(ErrorKind::Corrupt, file().size(), fmt::format("chunk {}", number), "not found",
                             "a chunk"));
  }
  return decode_within(places_[number], out);
}

bool SwapStream::has_page(std::uint64_t page) const {
  if (page >= page_count()) return false;
  if (codec_ == Codec::None) return page < chain_.blocks.size() && chain_.blocks.at(page) != kNoBlock;
  const std::uint64_t number = chunk_of_page(page);
  return number < places_.size() && places_[number].compressed_bytes != 0;
}

std::optional<std::uint64_t> SwapStream::chunk_offset(std::uint64_t number) const {
  if (codec_ == Codec::None) return entry_offset(chunk(number).first_page);
  const auto is_known = [&](std::uint64_t n) {
    return n < places_.size() && places_[n].compressed_bytes != 0;
  };
  if (is_known(number)) return entry_offset(places_[number].first_entry);
  if (number == 0) return entry_offset(kFirstChunkEntry);
  if (!is_known(number - 1)) return std::nullopt;
  return entry_offset(places_[number - 1].first_entry +
                      places_[number - 1].block_count);  // where it would begin
}

void SwapStream::forget_framing() {
  damage_ = chain_.damage;
  framing_damage_ = 0;
  first_broken_entry_ = 0;
}

void SwapStream::recount() {
  forget_framing();
  layers_.clear();
  lost_chunks_ = 0;
  places_.clear();
  find_chunks();
  make_layers();
}

// ---- what verify and the map say

void SwapStream::make_layers() {
  const std::size_t chain_damage = chain_.damage.size();
  layers_.push_back(
      {"map chain", chain_damage == 0 && chain_.reached_end ? LayerResult::Ok : LayerResult::Bad,
       fmt::format("{}, {} in {}{}", counted(chain_.map_pages.size(), "map page"),
                   counted(chain_.blocks.size(), "block"), counted(chain_.blocks.runs().size(), "run"),
                   chain_damage == 0 ? "" : "; " + counted(chain_damage, "broken place"))});
  if (codec_ == Codec::None) {
    layers_.push_back({"chunk framing", framing_damage_ == 0 ? LayerResult::Ok : LayerResult::Bad,
                       fmt::format("uncompressed: {} blocks for {} pages", grouped(chain_.blocks.size()),
                                   grouped(page_count()))});
    return;
  }
  layers_.push_back({"chunk framing", framing_damage_ == 0 ? LayerResult::Ok : LayerResult::Bad,
                     framing_damage_ == 0 ? counted(chunk_count(), "chunk")
                                          : fmt::format("{} of {} chunks cannot be found",
                                                        grouped(lost_chunks_), grouped(chunk_count()))});
}

void SwapStream::label(RangeMap& map) const {
  const std::uint32_t page_size = header_.page_size;
  for (std::size_t i = 0; i < chain_.map_pages.size(); ++i) {
    if (const auto at = space_.file_offset(chain_.map_pages[i]))
      map.add(*at, page_size, BlockSpace::label(fmt::format("map page {}", i), chain_.map_pages[i], 1));
  }
  const auto add = [&](std::uint64_t first, std::uint64_t count, const std::string& label) {
    for (std::uint64_t entry = first; entry < std::min(first + count, chain_.blocks.size());) {
      BlockList::Run run = chain_.blocks.part(entry, first + count - entry);
      entry += run.count;
      for (; run.block != kNoBlock && run.count > 0;) {
        const std::uint64_t there = std::max<std::uint64_t>(space_.contiguous(run.block, run.count), 1);
        if (const auto at = space_.file_offset(run.block))
          map.add(*at, there * page_size, BlockSpace::label(label, run.block, there));
        run.block += there;
        run.count -= std::min(there, run.count);
      }
    }
  };
  add(0, 1, "info page");
  const std::uint64_t pfn_pages = info_page_.pfn_page_count();
  if (codec_ == Codec::None) {
    add(1, pfn_pages, "PFN pages");
    if (chain_.blocks.size() > 1 + pfn_pages)
      add(1 + pfn_pages, chain_.blocks.size() - 1 - pfn_pages, "data pages");
    return;
  }
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (places_[i].compressed_bytes == 0) continue;
    const StreamChunk c = chunk(i);
    const bool has_pfns = c.first_page < 1 + pfn_pages;
    add(places_[i].first_entry, places_[i].block_count,
        fmt::format("chunk {}: {} {}", i, c.page_count, has_pfns ? "PFN and data pages" : "data pages"));
  }
}

}  // namespace hib::swsusp
