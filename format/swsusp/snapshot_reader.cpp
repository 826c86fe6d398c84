#include "format/swsusp/snapshot_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/swsusp/kernel_search.h"
#include "lib/base/text.h"
#include "lib/codec/crc32.h"
#include "lib/image/vmcore_notes.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kBatchChunks = kBatchPages / kChunkPages;
constexpr std::size_t kCachedChunks = 32;  // 4 MiB

}  // namespace

SnapshotReader::SnapshotReader(std::unique_ptr<PageStream> stream, SnapshotParts parts) : stream_(std::move(stream)), parts_(std::move(parts)) {}

Result<std::unique_ptr<ImageReader>> SnapshotReader::create(std::unique_ptr<PageStream> stream, SnapshotParts parts) {
  auto reader = std::unique_ptr<SnapshotReader>(new SnapshotReader(std::move(stream), std::move(parts)));
  const std::uint64_t chunks = std::min(reader->stream_->chunk_count(), reader->stream_->readable_chunks());
  reader->chunk_states_.resize(chunks);
  reader->chunk_crcs_.resize(chunks);
  reader->read_pfn_pages();
  reader->fill_info();
  return std::unique_ptr<ImageReader>(std::move(reader));
}

// ---- the PFN pages --------------------------------------------------------------------------------------------------

void SnapshotReader::read_pfn_pages() {
  const InfoPage& info = stream_->info_page();
  const std::uint32_t page_size = stream_->page_size();
  pfn_pages_ = info.pfn_page_count();
  PfnListDecoder decoder(info.abi, info.image_pages);
  std::vector<std::byte> buffer(std::size_t{kChunkPages} * page_size);
  std::vector<Damage> damage;
  std::uint64_t page = 1;
  while (page < 1 + pfn_pages_ && !cancelled()) {
    const std::uint64_t number = stream_->chunk_of_page(page);
    if (number >= chunk_states_.size()) {
      damage.push_back({stream_->file().error(ErrorKind::Truncated, stream_->file().size(), fmt::format("PFN page {}", page - 1), "not there: the stream ends before it", fmt::format("{} PFN pages", pfn_pages_)), {}});
      decoder.add_page({}, stream_->file().size());
      break;
    }
    const StreamChunk chunk = stream_->chunk(number);
    const MutableBytes bytes = MutableBytes(buffer).first(std::size_t{chunk.page_count} * page_size);
    auto read = read_chunk(number, bytes);
    const std::uint64_t offset = stream_->chunk_offset(number).value_or(stream_->file().size());
    for (; page < std::min<std::uint64_t>(1 + pfn_pages_, chunk.first_page + chunk.page_count); ++page) {
      decoder.add_page(read ? ByteView(bytes).subspan((page - chunk.first_page) * page_size, page_size) : ByteView(), offset);
    }
    if (!read) damage.push_back({std::move(read).error().in("PFN pages"), {}});
  }
  pfns_ = decoder.finish();
  for (Damage& d : pfns_.damage) d.error.file = stream_->file().path();
  const std::uint64_t listed = pfns_.data_pages + pfns_.zero_pages;
  const std::uint64_t needed = (listed + info.abi.words_per_page() - 1) / info.abi.words_per_page();
  if (damage.empty() && needed != pfn_pages_) {
    pfns_.damage.push_back({stream_->file().error(ErrorKind::Corrupt, stream_->chunk_offset(0).value_or(0), "PFN pages", std::to_string(pfn_pages_), fmt::format("{}, for {} PFNs", needed, listed)), {}});
  }
  pfns_.damage.insert(pfns_.damage.begin(), std::make_move_iterator(damage.begin()), std::make_move_iterator(damage.end()));
  pfn_layer_ = {"PFN list", pfns_.damage.empty() ? LayerResult::Ok : LayerResult::Bad,
                pfns_.damage.empty() ? fmt::format("{} PFNs in {} runs, ascending, {} without a data page (zero)", grouped(listed), grouped(pfns_.runs.size()), grouped(pfns_.zero_pages))
                                     : pfns_.damage.front().error.line()};
}

bool SnapshotReader::is_lost(std::uint64_t data_index) const {
  const std::uint64_t page = stream_page(data_index);
  const std::uint64_t number = stream_->chunk_of_page(page);
  return page >= stream_->page_count() || number >= chunk_states_.size() || !stream_->chunk_offset(number);
}

Error SnapshotReader::lost_chunk(std::uint64_t number) const {
  return stream_->file().error(ErrorKind::Truncated, stream_->file().size(), fmt::format("chunk {}", number), "lost: its place cannot be found, or the stream ends before it", fmt::format("{} chunks", stream_->chunk_count()));
}

// ---- runs and batches -----------------------------------------------------------------------------------------------

// The list of PFNs, cut where the state changes and at borders that the caller sets.
class SnapshotReader::Pieces {
 public:
  explicit Pieces(const SnapshotReader& reader) : reader_(reader) {}

  bool at_end() const { return run_ == reader_.pfns_.runs.size(); }
  std::uint64_t data_index() const { return current().data_index + (current().zero ? 0 : done_); }
  bool is_data() const { return !current().zero; }

  // The next piece; it does not reach over `data_end`.
  PageRun next(std::uint64_t data_end) {
    const PfnRun& run = current();
    PageRun piece{run.first + done_, run.count - done_, PageState::Fill, 0};
    if (!run.zero) {
      const std::uint64_t first = data_index();
      const bool lost = reader_.is_lost(first);
      piece.state = lost ? PageState::Unreadable : PageState::Data;
      std::uint64_t end = std::min(data_end, first + piece.count);
      for (std::uint64_t next = next_chunk(first); next < end; next = next_chunk(next)) {
        if (reader_.is_lost(next) != lost) end = next;
      }
      piece.count = end - first;
    }
    done_ += static_cast<std::uint32_t>(piece.count);
    if (done_ == run.count) {
      ++run_;
      done_ = 0;
    }
    return piece;
  }

 private:
  const PfnRun& current() const { return reader_.pfns_.runs[run_]; }
  std::uint64_t next_chunk(std::uint64_t data_index) const {
    const StreamChunk chunk = reader_.stream_->chunk(reader_.stream_->chunk_of_page(reader_.stream_page(data_index)));
    return chunk.first_page + std::max<std::uint64_t>(chunk.page_count, 1) - reader_.stream_page(0);
  }

  const SnapshotReader& reader_;
  std::size_t run_ = 0;
  std::uint32_t done_ = 0;
};

class SnapshotReader::Runs final : public RunSource {
 public:
  explicit Runs(const SnapshotReader& reader) : pieces_(reader) {}
  Result<std::optional<PageRun>> next() override {
    if (pieces_.at_end()) return std::optional<PageRun>();
    return std::optional<PageRun>(pieces_.next(~std::uint64_t{0}));
  }

 private:
  Pieces pieces_;
};

// A batch is some whole chunks; its token is the data index of its first data page.
class SnapshotReader::Batches final : public BatchSource {
 public:
  explicit Batches(const SnapshotReader& reader) : reader_(reader), pieces_(reader) {}

  Result<bool> next(PageBatch& batch) override {
    batch.clear();
    batch.number = number_++;
    std::optional<std::uint64_t> border;
    while (!pieces_.at_end() && batch.runs.size() < kBatchPages) {
      if (pieces_.is_data()) {
        if (!border) {
          batch.token = pieces_.data_index();
          border = border_after(batch.token);
        }
        if (pieces_.data_index() >= *border) break;
      }
      batch.runs.push_back(pieces_.next(border.value_or(~std::uint64_t{0})));
    }
    return !batch.runs.empty();
  }

 private:
  std::uint64_t border_after(std::uint64_t data_index) const {
    const PageStream& stream = *reader_.stream_;
    const std::uint64_t group = stream.chunk_of_page(reader_.stream_page(data_index)) / kBatchChunks + 1;
    return stream.chunk(0).first_page + group * kBatchChunks * kChunkPages - reader_.stream_page(0);
  }

  const SnapshotReader& reader_;
  Pieces pieces_;
  std::uint64_t number_ = 0;
};

Result<std::unique_ptr<RunSource>> SnapshotReader::runs() const { return std::unique_ptr<RunSource>(new Runs(*this)); }
Result<std::unique_ptr<BatchSource>> SnapshotReader::batches() const { return std::unique_ptr<BatchSource>(new Batches(*this)); }

Result<void> SnapshotReader::read_chunk(std::uint64_t chunk, MutableBytes out) const {
  auto read = stream_->read_chunk(chunk, out);
  if (chunk >= chunk_states_.size()) return read;
  chunk_states_[chunk] = read ? ChunkState::Good : ChunkState::Bad;
  if (read && stream_->stored_crc()) chunk_crcs_[chunk] = crc32(out);
  return read;
}

void SnapshotReader::load(PageBatch& batch) const {
  const std::uint32_t page_size = stream_->page_size();
  std::uint64_t data_index = batch.token;
  std::uint64_t loaded = ~std::uint64_t{0};  // number of the chunk in hand
  const std::byte* pages = nullptr;          // its pages; null when it could not be had
  Damage* damage = nullptr;
  const std::uint64_t first_chunk = stream_->chunk_of_page(stream_page(batch.token));
  batch.buffer.resize(kBatchChunks * kChunkPages * page_size);
  const auto load_chunk = [&](std::uint64_t number) {
    const StreamChunk chunk = stream_->chunk(number);
    const MutableBytes place = MutableBytes(batch.buffer).subspan((number - first_chunk) * kChunkPages * page_size, std::size_t{chunk.page_count} * page_size);
    auto read = read_chunk(number, place);
    loaded = number;
    pages = read ? place.data() : nullptr;
    damage = nullptr;
    if (!read) {
      batch.damage.push_back({std::move(read).error(), {}});
      damage = &batch.damage.back();
    }
  };
  for (const PageRun& run : batch.runs) {
    if (run.state == PageState::Fill) {
      batch.items.push_back({run, nullptr, {}});
      continue;
    }
    if (run.state == PageState::Unreadable) {
      batch.items.push_back({run, nullptr, {}});
      batch.damage.push_back({lost_chunk(stream_->chunk_of_page(stream_page(data_index))), {{run.first, run.count}}});
      data_index += run.count;
      continue;
    }
    for (Pfn pfn = run.first; pfn < run.end();) {
      const std::uint64_t number = stream_->chunk_of_page(stream_page(data_index));
      if (number != loaded) load_chunk(number);
      const StreamChunk chunk = stream_->chunk(number);
      const std::uint64_t into = stream_page(data_index) - chunk.first_page;
      const std::uint64_t count = std::min<std::uint64_t>(run.end() - pfn, chunk.page_count - into);
      if (pages != nullptr) {
        classify_pages(pfn, count, pages + into * page_size, page_size, batch.items);
      } else {
        batch.items.push_back({{pfn, count, PageState::Unreadable, 0}, nullptr, {}});
        damage->lost_pfns.emplace_back(pfn, count);
      }
      pfn += count;
      data_index += count;
    }
  }
}

// ---- one page -------------------------------------------------------------------------------------------------------

std::shared_ptr<const std::vector<std::byte>> SnapshotReader::cached_chunk(std::uint64_t chunk, Result<void>& result) const {
  const std::scoped_lock lock(mutex_);
  const auto it = std::find_if(recent_.begin(), recent_.end(), [&](const auto& entry) { return entry.first == chunk; });
  if (it != recent_.end()) {
    std::rotate(recent_.begin(), it, it + 1);
    return recent_.front().second;
  }
  auto pages = std::make_shared<std::vector<std::byte>>(std::size_t{stream_->chunk(chunk).page_count} * stream_->page_size());
  result = read_chunk(chunk, *pages);
  if (!result) return nullptr;
  if (recent_.size() == kCachedChunks) recent_.pop_back();
  recent_.insert(recent_.begin(), {chunk, pages});
  return pages;
}

Result<void> SnapshotReader::read_page(Pfn pfn, MutableBytes out) const {
  const auto& runs = pfns_.runs;
  const auto after = std::upper_bound(runs.begin(), runs.end(), pfn, [](Pfn p, const PfnRun& run) { return p < run.first; });
  if (after == runs.begin() || pfn >= std::prev(after)->end()) {
    return fail(make_error(ErrorKind::NoPage, fmt::format("PFN {:#x}", pfn), "not saved in this image", "a page that inspect --pages lists").of(info().path));
  }
  const PfnRun& run = *std::prev(after);
  if (run.zero) {
    std::fill(out.begin(), out.end(), std::byte{0});
    return {};
  }
  const std::uint64_t page = stream_page(run.data_index + (pfn - run.first));
  const std::uint64_t number = stream_->chunk_of_page(page);
  if (is_lost(run.data_index + (pfn - run.first))) return fail(lost_chunk(number).in(fmt::format("PFN {:#x}", pfn)));
  Result<void> result;
  const auto chunk = cached_chunk(number, result);
  if (!chunk) return fail(std::move(result).error().in(fmt::format("PFN {:#x}", pfn)));
  const std::uint64_t into = page - stream_->chunk(number).first_page;
  std::memcpy(out.data(), chunk->data() + into * stream_->page_size(), stream_->page_size());
  return {};
}

// ---- what is known of the whole -------------------------------------------------------------------------------------

void SnapshotReader::fill_info() {
  const InfoPage& page = stream_->info_page();
  ImageInfo& info = parts_.info;
  info.path = stream_->file().path();
  info.file_bytes = stream_->file().size();
  info.page_size = page.abi.page_size;
  info.kernel = page.uts;
  info.end_pfn = pfns_.end_pfn();
  Pieces pieces(*this);
  while (!pieces.at_end()) info.pages.add(pieces.next(~std::uint64_t{0}));
  if (const auto crc = stream_->stored_crc()) {
    info.integrity_algorithm = "crc32";
    info.integrity_value = fmt::format("{:08x}", crc->value);
  }
  const auto add = [&](const std::vector<Damage>& from) { info.damage.insert(info.damage.end(), from.begin(), from.end()); };
  add(parts_.damage);
  add(stream_->damage());
  add(pfns_.damage);
  for (const Damage& damage : info.damage) {
    if (info.findings.size() < 20) info.findings.push_back({"damage", Severity::Error, damage.error.offset, damage.error.line()});
  }
  const std::uint64_t saved = info.pages.total();
  if (page.num_physpages > saved) {
    info.findings.push_back({"pages-not-saved", Severity::Note, std::nullopt, fmt::format("{} of the machine's {} pages are not in the image: free when it was made, or not to be saved", grouped(page.num_physpages - saved), grouped(page.num_physpages))});
  }
}

const std::vector<Record>& SnapshotReader::records() const {
  std::call_once(records_once_, [this] {
    records_ = find_kernel(*this, stream_->info_page());
    records_.insert(records_.end(), parts_.records.begin(), parts_.records.end());
  });
  return records_;
}

Result<RangeMap> SnapshotReader::map() const {
  RangeMap map;
  if (parts_.label) parts_.label(map);
  stream_->label(map);
  return map;
}

StructureCheck SnapshotReader::check_structure() const {
  StructureCheck check;
  check.layers = parts_.layers;
  const auto& stream_layers = stream_->layers();
  check.layers.insert(check.layers.end(), stream_layers.begin(), stream_layers.end());
  check.layers.push_back(pfn_layer_);
  check.layers.push_back(restore_record_layer(stream_->info_page()));
  check.damage = parts_.info.damage;
  check.pages_have_checksums = stream_->stored_crc().has_value();
  return check;
}

WholeCheck SnapshotReader::check_whole() const {
  WholeCheck check;
  if (!stream_->is_compressed()) {
    check.layers.push_back({"codec", LayerResult::NotProvable, "uncompressed: nothing to decode"});
    check.layers.push_back({"crc32", LayerResult::NotProvable, "an uncompressed image carries no checksum: a changed byte cannot be noticed"});
    return check;
  }
  const auto bad = static_cast<std::uint64_t>(std::count(chunk_states_.begin(), chunk_states_.end(), ChunkState::Bad)) + (stream_->chunk_count() - chunk_states_.size());
  const auto unknown = static_cast<std::uint64_t>(std::count(chunk_states_.begin(), chunk_states_.end(), ChunkState::Unknown));
  check.layers.push_back({"codec", bad == 0 ? LayerResult::Ok : LayerResult::Bad, fmt::format("{}: {} of {} chunks decode", info().codec, grouped(stream_->chunk_count() - bad), grouped(stream_->chunk_count()))});
  const auto stored = stream_->stored_crc();
  if (!stored) {
    check.layers.push_back({"crc32", LayerResult::NotProvable, "this image carries none"});
    return check;
  }
  if (bad + unknown > 0) {
    check.layers.push_back({"crc32", LayerResult::NotChecked, "it is of all chunks together, and not all can be decoded"});
    return check;
  }
  // The kernel's seed is 0 without the inversions of zlib's function: the same as zlib's from 0xFFFFFFFF on, inverted.
  std::uint32_t crc = 0xFFFFFFFF;
  for (std::uint64_t i = 0; i < chunk_crcs_.size(); ++i) crc = crc32_join(crc, chunk_crcs_[i], std::uint64_t{stream_->chunk(i).page_count} * stream_->page_size());
  const std::uint32_t computed = crc ^ 0xFFFFFFFF;
  const bool equal = computed == stored->value;
  check.layers.push_back({"crc32", equal ? LayerResult::Ok : LayerResult::Bad, equal ? fmt::format("{:08x}", computed) : fmt::format("{:08x}, stored is {:08x}", computed, stored->value)});
  if (!equal) {
    check.damage = Damage{stream_->file().error(ErrorKind::Corrupt, stored->file_offset, "crc32 of all chunks", fmt::format("{:08x}", computed), fmt::format("{:08x}, as stored", stored->value))
                              .advise("every chunk decodes, so which one was changed cannot be said"), {}};
  }
  return check;
}

}  // namespace hib::swsusp
