// From a PFN to the bytes of its page: the maps, the chunks, the caches.

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "format/hib/chunk_walk.h"
#include "format/hib/reader.h"
#include "lib/base/text.h"

namespace hib::hib_image {
namespace {

// Pages that are equal to another mostly follow each other just as the others did, so a few decoded chunks
// are enough.
constexpr std::uint64_t kRecentBytes = 64U << 20;
constexpr std::uint64_t kRecentBytesForHashes =
    4U << 20;  // few are wanted twice then, and what stays in the processor's cache is fast

bool carries_bytes(const MapRun& run) {
  return run.kind == MapKind::Stored || run.kind == MapKind::Equal || run.kind == MapKind::Base;
}

PageRun to_page_run(const MapRun& run) {
  switch (run.kind) {
    case MapKind::Absent: return {run.first, run.count, PageState::Absent, 0};
    case MapKind::Zero: return {run.first, run.count, PageState::Fill, 0};
    case MapKind::Unreadable: return {run.first, run.count, PageState::Unreadable, 0};
    case MapKind::Fill: return {run.first, run.count, PageState::Fill, run.fill};
    case MapKind::Stored:
    case MapKind::Equal:
    case MapKind::Base: return {run.first, run.count, PageState::Data, 0};
    case MapKind::Hole: break;
  }
  return {run.first, 0, PageState::Absent, 0};
}

// The part of a run inside [first, end).
MapRun clip(MapRun run, Pfn first, Pfn end) {
  const Pfn from = std::max(run.first, first);
  const Pfn to = std::min(run.end(), end);
  run.slot += from - run.first;
  run.first = from;
  run.count = to > from ? to - from : 0;
  return run;
}

// Batches: one chunk each, or several for one chunk where its map stands for many more pages than it stores.
class ChunkBatches final : public BatchSource {
 public:
  ChunkBatches(const Reader& reader, Reader::Space space) : reader_(reader), chunks_(reader, space) {}

  Result<bool> next(PageBatch& batch) override {
    batch.clear();
    while (position_ == runs_.size()) {
      TRY(const bool more, next_chunk());
      if (more) continue;
      batch.number = number_++;
      batch.damage = chunks_.take_damage();
      return !batch.damage.empty();
    }
    batch.number = number_++;
    batch.context = chunks_.loaded();
    batch.token = chunks_.position();
    batch.damage = chunks_.take_damage();
    fill(batch);
    return true;
  }

 private:
  Result<bool> next_chunk() {
    TRY(const ChunkEntry* chunk, chunks_.next());
    if (chunk == nullptr) return false;
    TRY(runs_, reader_.map_runs(chunks_.loaded()->index, *chunk));
    position_ = 0;
    return true;
  }

  void fill(PageBatch& batch) {
    std::uint64_t room = std::max<std::uint64_t>(kBatchPages, reader_.header().chunk_pages);
    while (position_ < runs_.size() && room > 0) {
      MapRun& run = runs_[position_];
      const std::uint64_t take = carries_bytes(run) ? std::min(run.count, room) : run.count;
      if (run.kind != MapKind::Hole) {
        PageRun part = to_page_run(run);
        part.count = take;
        batch.runs.push_back(part);
        if (carries_bytes(run)) room -= take;
      }
      run = clip(run, run.first + take, run.end());
      if (run.count == 0) ++position_;
    }
  }

  const Reader& reader_;
  ChunkWalk chunks_;
  std::vector<MapRun> runs_;
  std::size_t position_ = 0;
  std::uint64_t number_ = 0;
};

class BatchRuns final : public RunSource {
 public:
  BatchRuns(const Reader& reader, Reader::Space space) : batches_(reader, space) {}
  Result<std::optional<PageRun>> next() override {
    while (position_ == batch_.runs.size()) {
      TRY(const bool more, batches_.next(batch_));
      if (!more) return std::optional<PageRun>();
      position_ = 0;
    }
    return std::optional<PageRun>(batch_.runs[position_++]);
  }

 private:
  ChunkBatches batches_;
  PageBatch batch_;
  std::size_t position_ = 0;
};

PageItem no_bytes(const PageRun& run) { return {run, nullptr, {}}; }

}  // namespace

Result<std::unique_ptr<RunSource>> Reader::runs_of(Space space) const {
  return std::unique_ptr<RunSource>(new BatchRuns(*this, space));
}
Result<std::unique_ptr<BatchSource>> Reader::batches_of(Space space) const {
  return std::unique_ptr<BatchSource>(new ChunkBatches(*this, space));
}

// ---- one chunk

Result<Reader::ChunkPayload> Reader::read_chunk(const Index& index, const ChunkEntry& chunk) const {
  TRY(const Block block, read_block_header(*file_, chunk.offset));
  const auto reject = [&](std::string field, std::string found, std::string allowed) {
    return fail(file_->error(ErrorKind::Corrupt, chunk.offset,
                             fmt::format("PAGES block {}: {}", block.sequence, field), std::move(found),
                             std::move(allowed)));
  };
  if (block.type != BlockType::Pages)
    return reject("type", std::string(name_of(block.type)), "PAGES, as the index says");
  if (!matches(block.payload_hash, chunk.payload_hash) || block.payload_bytes != chunk.payload_bytes) {
    return reject("payload hash", to_hex(block.payload_hash),
                  to_hex(chunk.payload_hash) + ", as the index says");
  }
  ChunkPayload out;
  out.buffer = buffers_.take();
  TRY(const ByteView payload, read_payload(*file_, block, *out.buffer));
  auto pages = decode_pages_header(payload, block.payload_offset(), header_);
  if (!pages) return fail(std::move(pages).error().of(file_->path()));
  const ByteView map = payload.subspan(sizeof(PagesHeader), pages->map_bytes);
  const ByteView expected_map = index.map_of(chunk);
  if (pages->first_pfn != chunk.first_pfn || pages->page_count != chunk.page_count ||
      pages->first_slot != chunk.first_slot || pages->slot_count != chunk.slot_count ||
      !std::equal(map.begin(), map.end(), expected_map.begin(), expected_map.end())) {
    return reject("page map", "other pages", "those that the index names");
  }
  out.pages = *pages;
  out.frame = payload.subspan(sizeof(PagesHeader) + pages->map_bytes);
  return out;
}

Result<void> Reader::decode_stored(const ChunkPayload& payload, const ChunkEntry& chunk,
                                   MutableBytes out) const {
  const std::uint64_t all = std::uint64_t{chunk.slot_count} * header_.page_size;
  const std::uint64_t frame_offset =
      chunk.offset + sizeof(BlockHeader) + sizeof(PagesHeader) + chunk.map_bytes;
  if (out.empty()) return {};
  if (payload.pages.codec == FrameCodec::Stored) {
    if (payload.frame.size() != all) {
      return fail(file_->error(ErrorKind::Corrupt, frame_offset, "stored frame",
                               fmt::format("{} bytes", payload.frame.size()), std::to_string(all)));
    }
    std::memcpy(out.data(), payload.frame.data(), out.size());
    return {};
  }
  auto context = decompressors_.take();
  auto result = out.size() == all ? context->decompress(payload.frame, out)
                                  : context->decompress_prefix(payload.frame, out);
  if (!result) return fail(std::move(result).error().at(frame_offset).of(file_->path()));
  return {};
}

Result<void> Reader::decode_chunk(const Index& index, const ChunkEntry& chunk, DecodedChunk& out) const {
  TRY(const ChunkPayload payload, read_chunk(index, chunk));
  out.pages = buffers_.take();
  const std::uint64_t size = std::uint64_t{chunk.slot_count} * header_.page_size;
  if (out.pages->size() < size) out.pages->resize(size);
  return decode_stored(payload, chunk, MutableBytes(*out.pages).first(size));
}

// A broken chunk is kept like a good one: a thousand pages that equal one of its pages must not read it a
// thousand times.
Result<std::shared_ptr<const Reader::DecodedChunk>> Reader::cached_chunk(const Index& index,
                                                                         const ChunkEntry& chunk,
                                                                         std::uint64_t keep_bytes) const {
  std::shared_ptr<DecodedChunk> decoded;
  {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(recent_chunks_.begin(), recent_chunks_.end(),
                                    [&](const auto& c) { return c->offset == chunk.offset; });
    if (found != recent_chunks_.end()) {
      std::rotate(recent_chunks_.begin(), found, found + 1);
      decoded = recent_chunks_.front();
    }
  }
  if (!decoded) {
    decoded = std::make_shared<DecodedChunk>();
    decoded->offset = chunk.offset;
    if (auto done = decode_chunk(index, chunk, *decoded); !done) decoded->error = std::move(done).error();
    const std::scoped_lock lock(mutex_);
    recent_chunks_.insert(recent_chunks_.begin(), decoded);
    const std::uint64_t kept =
        std::max<std::uint64_t>(2, keep_bytes / (std::uint64_t{header_.chunk_pages} * header_.page_size));
    if (recent_chunks_.size() > kept) recent_chunks_.pop_back();
  }
  if (decoded->error) return fail(*decoded->error);
  return std::shared_ptr<const DecodedChunk>(std::move(decoded));
}

// ---- finding a chunk

Result<Reader::ChunkPlace> Reader::chunk_with_slot(std::uint64_t slot) const {
  const auto ref =
      std::upper_bound(root_.indexes.begin(), root_.indexes.end(), slot,
                       [](std::uint64_t s, const IndexRef& r) { return s < r.first_slot + r.slot_count; });
  if (ref != root_.indexes.end() && slot >= ref->first_slot) {
    TRY(auto loaded, index(static_cast<std::size_t>(ref - root_.indexes.begin())));
    const auto& chunks = loaded->index.chunks;
    const auto chunk =
        std::upper_bound(chunks.begin(), chunks.end(), slot,
                         [](std::uint64_t s, const ChunkEntry& c) { return s < c.end_slot(); });
    if (chunk != chunks.end() && slot >= chunk->first_slot) return ChunkPlace(loaded, &*chunk);
  }
  return fail(make_error(ErrorKind::Corrupt, fmt::format("slot {}", slot), "in no block that is left", "")
                  .of(file_->path()));
}

Result<Reader::ChunkPlace> Reader::chunk_with_pfn(Pfn pfn) const {
  const auto ref = std::upper_bound(root_.indexes.begin(), root_.indexes.end(), pfn,
                                    [](Pfn p, const IndexRef& r) { return p < r.first_pfn + r.page_count; });
  if (ref != root_.indexes.end() && pfn >= ref->first_pfn) {
    TRY(auto loaded, index(static_cast<std::size_t>(ref - root_.indexes.begin())));
    const auto& chunks = loaded->index.chunks;
    const auto chunk = std::upper_bound(chunks.begin(), chunks.end(), pfn,
                                        [](Pfn p, const ChunkEntry& c) { return p < c.end_pfn(); });
    if (chunk != chunks.end() && pfn >= chunk->first_pfn) return ChunkPlace(loaded, &*chunk);
  }
  return fail(make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn), "not in this image",
                         "a page of the image")
                  .of(file_->path()));
}

// The page that was stored where this one was found to be equal.
Result<Pfn> Reader::holder_of(Pfn pfn) const {
  TRY(const ChunkPlace place, chunk_with_pfn(pfn));
  const auto& [loaded, chunk] = place;
  TRY(const auto runs, map_runs(loaded->index, *chunk));
  const auto run =
      std::upper_bound(runs.begin(), runs.end(), pfn, [](Pfn p, const MapRun& r) { return p < r.end(); });
  const std::uint64_t slot = run->slot + (pfn - run->first);
  if (run->kind != MapKind::Equal || slot >= chunk->first_slot) return pfn;
  TRY(const ChunkPlace other, chunk_with_slot(slot));
  TRY(const auto stored, map_runs(other.first->index, *other.second));
  for (const MapRun& one : stored) {
    if (one.kind == MapKind::Stored && slot >= one.slot && slot - one.slot < one.count)
      return one.first + (slot - one.slot);
  }
  return pfn;
}

// ---- one page

// Whoever follows pointers asks for one page here and one there, and then for many of a table.
bool Reader::is_wanted_again(const ChunkEntry& chunk) const {
  const std::scoped_lock lock(mutex_);
  const bool is_same = last_random_chunk_ == chunk.offset;
  last_random_chunk_ = chunk.offset;
  return is_same || std::any_of(recent_chunks_.begin(), recent_chunks_.end(),
                                [&](const auto& c) { return c->offset == chunk.offset; });
}

Result<void> Reader::read_slot(std::uint64_t slot, Access access, MutableBytes out) const {
  TRY(const ChunkPlace place, chunk_with_slot(slot));
  const auto& [loaded, chunk] = place;
  const std::uint64_t offset = (slot - chunk->first_slot) * header_.page_size;
  if (access == Access::Sequential || is_wanted_again(*chunk)) {
    TRY(const auto decoded, cached_chunk(loaded->index, *chunk, kRecentBytes));
    std::memcpy(out.data(), decoded->pages->data() + offset, header_.page_size);
    return {};
  }
  TRY(const ChunkPayload payload, read_chunk(loaded->index, *chunk));
  std::vector<std::byte> prefix(offset + header_.page_size);
  TRY_OK(decode_stored(payload, *chunk, prefix));
  std::memcpy(out.data(), prefix.data() + offset, header_.page_size);
  return {};
}

Result<void> Reader::read_page(Pfn pfn, MutableBytes out) const {
  if (is_swapped(pfn)) {
    return fail(make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn), "beyond all memory",
                           "a page of the image")
                    .of(file_->path()));
  }
  return read_one(pfn, Access::Random, out);
}

Result<void> Reader::read_one(Pfn pfn, Access access, MutableBytes out) const {
  TRY(const ChunkPlace place, chunk_with_pfn(pfn));
  const auto& [loaded, chunk] = place;
  TRY(const auto runs, map_runs(loaded->index, *chunk));
  const auto run =
      std::upper_bound(runs.begin(), runs.end(), pfn, [](Pfn p, const MapRun& r) { return p < r.end(); });
  switch (run->kind) {
    case MapKind::Zero:
    case MapKind::Fill: std::fill(out.begin(), out.end(), static_cast<std::byte>(run->fill)); return {};
    case MapKind::Stored:
    case MapKind::Equal: return read_slot(run->slot + (pfn - run->first), access, out);
    case MapKind::Base: return read_of_base(pfn, access, out);
    case MapKind::Absent:
    case MapKind::Unreadable:
    case MapKind::Hole: break;
  }
  const std::string_view what =
      run->kind == MapKind::Hole ? "not memory of this machine" : name_of(to_page_run(*run).state);
  return fail(
      make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn), std::string(what), "a page of the image")
          .of(file_->path()));
}

Result<void> Reader::read_of_base(Pfn pfn, Access access, MutableBytes out) const {
  if (base_) return base_->read_one(pfn, access, out);
  if (no_base_) return fail(Error(*no_base_).in(fmt::format("page {:#x}", pfn)));
  return fail(make_error(ErrorKind::Corrupt, "page map", "a page of a base", "none: this image has no base")
                  .of(file_->path()));
}

// ---- a batch

void Reader::load(PageBatch& batch) const {
  if (batch.runs.empty()) return;  // of indexes that have only damage left
  const auto& index = static_cast<const LoadedIndex*>(batch.context.get())->index;
  const ChunkEntry& chunk = index.chunks[batch.token];
  auto all = map_runs(index, chunk);
  if (!all) {  // batches() decoded this very map
    batch.damage.push_back({std::move(all).error(), {}});
    return;
  }
  std::vector<MapRun> runs;
  std::uint64_t elsewhere = 0;  // pages whose bytes lie in other chunks
  for (const MapRun& run : *all) {
    const MapRun part = clip(run, batch.runs.front().first, batch.runs.back().end());
    if (part.count == 0 || part.kind == MapKind::Hole) continue;
    elsewhere += pages_elsewhere(chunk, part, batch);
    runs.push_back(part);
  }
  if (batch.buffer.size() < elsewhere * header_.page_size) batch.buffer.resize(elsewhere * header_.page_size);
  const auto decoded = load_stored(index, chunk, runs, batch);
  const std::byte* stored = decoded ? decoded->pages->data() : nullptr;
  batch.pages = decoded;
  std::byte* next_elsewhere = batch.buffer.data();
  for (const MapRun& run : runs) load_run(index, chunk, run, stored, next_elsewhere, batch);
}

// How many pages of the run have to be had from other chunks or the base. Later it may be fewer, never more.
std::uint64_t Reader::pages_elsewhere(const ChunkEntry& chunk, const MapRun& run,
                                      const PageBatch& batch) const {
  if (run.kind == MapKind::Base) return run.count;
  if (run.kind != MapKind::Equal || batch.without_copies) return 0;
  const std::uint64_t earlier =
      run.slot >= chunk.first_slot ? 0 : std::min(run.count, chunk.first_slot - run.slot);
  if (!batch.hashes_only) return earlier;
  std::uint64_t unknown = 0;
  for (std::uint64_t i = 0; i < earlier; ++i) unknown += slot_hashes_.get(run.slot + i) ? 0 : 1;
  return unknown;
}

std::shared_ptr<const Reader::DecodedChunk> Reader::load_stored(const Index& index, const ChunkEntry& chunk,
                                                                const std::vector<MapRun>& runs,
                                                                PageBatch& batch) const {
  const auto needs = [&](const MapRun& run) {
    return run.kind == MapKind::Stored ||
           (run.kind == MapKind::Equal && run.slot + run.count > chunk.first_slot);
  };
  if (chunk.is_lost) return nullptr;
  // A block that stores nothing is read all the same: its payload has a hash to check.
  if (chunk.slot_count > 0 && std::none_of(runs.begin(), runs.end(), needs)) return nullptr;
  auto decoded = cached_chunk(index, chunk, batch.hashes_only ? kRecentBytesForHashes : kRecentBytes);
  if (decoded) return *decoded;
  Damage damage{std::move(decoded).error(), {}};
  for (const MapRun& run : runs) {
    if (run.kind == MapKind::Stored) damage.lost_pfns.emplace_back(run.first, run.count);
  }
  batch.damage.push_back(std::move(damage));
  return nullptr;
}

void Reader::load_run(const Index& index, const ChunkEntry& chunk, const MapRun& run, const std::byte* stored,
                      std::byte*& elsewhere, PageBatch& batch) const {
  const std::uint32_t size = header_.page_size;
  if (!carries_bytes(run)) {
    const PageRun page_run = to_page_run(run);
    if (!batch.items.empty() && page_run.state == PageState::Fill &&
        page_run.continues(batch.items.back().run)) {
      batch.items.back().run.count += page_run.count;
    } else {
      batch.items.push_back(no_bytes(page_run));
    }
    return;
  }
  for (std::uint64_t i = 0; i < run.count; ++i) {
    const Pfn pfn = run.first + i;
    const std::uint64_t slot = run.slot + i;
    const bool here = run.kind != MapKind::Base && slot >= chunk.first_slot;
    if (!here && run.kind == MapKind::Equal && batch.without_copies) continue;
    if (!here && run.kind == MapKind::Equal && batch.hashes_only) {
      if (const auto hash = slot_hashes_.get(slot)) {
        batch.items.push_back({{pfn, 1, PageState::Data, 0}, nullptr, *hash});
        continue;
      }
    }
    const std::byte* bytes = !here               ? elsewhere
                             : stored == nullptr ? nullptr
                                                 : stored + (slot - chunk.first_slot) * size;
    Result<void> result;
    if (bytes == nullptr) {
      batch.items.push_back(no_bytes({pfn, 1, PageState::Unreadable, 0}));
      if (run.kind == MapKind::Equal) batch.damage.back().lost_pfns.emplace_back(pfn, 1);
      continue;
    }
    if (!here) {
      const MutableBytes out(elsewhere, size);
      elsewhere += size;
      result = run.kind == MapKind::Base ? read_of_base(pfn, Access::Sequential, out)
                                         : read_slot(slot, Access::Sequential, out);
    }
    if (!result) {
      batch.damage.push_back({std::move(result).error(), {{pfn, 1}}});
      batch.items.push_back(no_bytes({pfn, 1, PageState::Unreadable, 0}));
      continue;
    }
    classify_pages(pfn, 1, bytes, size, batch.items);
    if (run.kind == MapKind::Stored && !index.page_hashes.empty()) {
      const PageItem& item = batch.items.back();
      const std::uint64_t computed =
          item.run.state == PageState::Data ? item.hash.low : hash64({bytes, size});
      const std::uint64_t expected = index.page_hashes[slot - index.first_slot];
      if (!matches(computed, expected)) {
        batch.damage.push_back(
            {file_->error(ErrorKind::Corrupt, chunk.offset, fmt::format("page {:#x}: hash", pfn),
                          hex(computed), hex(expected) + ", as the index says"),
             {{pfn, 1}}});
        if (item.run.state == PageState::Data) {
          batch.items.back() = no_bytes({pfn, 1, PageState::Unreadable, 0});
        }
      } else if (batch.hashes_only && item.run.state == PageState::Data) {
        slot_hashes_.put(slot, item.hash);
      }
    }
  }
}

}  // namespace hib::hib_image
