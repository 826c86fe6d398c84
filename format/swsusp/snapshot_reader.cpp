#include "format/swsusp/snapshot_reader.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "format/swsusp/kernel_search.h"
#include "format/swsusp/ram_count.h"
#include "format/swsusp/restore_check_arm64.h"
#include "lib/base/text.h"
#include "lib/codec/crc32.h"
#include "lib/codec/md5.h"
#include "lib/image/input.h"
#include "lib/image/vmcore_notes.h"
#include "lib/os/cancel.h"

namespace hib::swsusp {
namespace {

constexpr std::uint64_t kBatchChunks = kBatchPages / kChunkPages;
constexpr std::size_t kCachedChunks = 32;  // 4 MiB
constexpr const char* kMemorySize = "memory size";
constexpr const char* kNumPhyspages = "info page: num_physpages";

}  // namespace

SnapshotReader::SnapshotReader(std::unique_ptr<PageStream> stream, SnapshotParts parts)
    : stream_(std::move(stream)), parts_(std::move(parts)) {}

Result<std::unique_ptr<ImageReader>> SnapshotReader::create(std::unique_ptr<PageStream> stream,
                                                            SnapshotParts parts) {
  auto reader = std::unique_ptr<SnapshotReader>(new SnapshotReader(std::move(stream), std::move(parts)));
  reader->read_lists();
  reader->find_gaps();
  reader->check_info_page();
  reader->fill_record();
  reader->fill_info();
  reader->check_restore();
  reader->collect_damage();
  return std::unique_ptr<ImageReader>(std::move(reader));
}

// ---- how many pages there are

// The info page is believed as long as nothing contradicts it.
void SnapshotReader::read_lists() {
  const InfoPage& info = stream_->info_page();
  const auto told = stream_->counted_pages();
  if (info.claims_agree() && (!told || *told == info.pages)) {
    use_counts({info.pages, info.image_pages});
    if (list_is_whole_) return;
  }
  // Nothing that may be there is left out while the PFNs are counted.
  std::uint64_t most = 1;
  for (const std::uint64_t pages :
       {info.claimed.pages, info.claimed.size_bytes / info.abi.page_size, told.value_or(0)}) {
    if (pages <= kMaxPfn) most = std::max(most, pages);
  }
  stream_->use_counts(most, 0);
  const auto list = count_pfns();
  use_counts(judge_counts(info, told, list ? &*list : nullptr));
}

void SnapshotReader::use_counts(const StreamCounts& counts) {
  if (counts.pages != stream_->page_count() || counts.image_pages != stream_->info_page().image_pages)
    stream_->use_counts(counts.pages, counts.image_pages);
  const std::uint64_t chunks = std::min(stream_->chunk_count(), stream_->readable_chunks());
  chunk_states_.assign(chunks, ChunkState::Unknown);
  chunk_crcs_.assign(chunks, 0);
  read_pfn_pages();
}

// Where the list ends: by its mark or, where the last PFN page is full, where as many data pages follow as
// the stream has, or as two counts of the info page say.
std::optional<PfnCounter> SnapshotReader::count_pfns() const {
  const InfoPage& info = stream_->info_page();
  const ClaimedCounts& claimed = info.claimed;
  const std::uint32_t page_size = stream_->page_size();
  const auto told = stream_->counted_pages();
  PfnCounter list(info.abi);
  const auto is_end = [&] {
    const std::uint64_t pages = list.stream_pages();
    if (list.has_ended() || pages == told) return true;
    const bool is_claimed = pages == claimed.pages;
    const bool fits_size = (pages * page_size & info.abi.word_max()) == claimed.size_bytes;
    const bool fits_data = list.data_pages() == claimed.image_pages;
    return is_claimed + fits_size + fits_data >= 2;
  };
  std::vector<std::byte> buffer(std::size_t{kChunkPages} * page_size);
  std::uint64_t page = 1;
  for (std::uint64_t number = stream_->chunk_of_page(1); number < stream_->readable_chunks(); ++number) {
    const auto read = stream_->read_uncounted_chunk(number, buffer);
    if (!read || cancelled()) return std::nullopt;
    for (std::uint64_t into = page - stream_->chunk(number).first_page; into < *read; ++into, ++page) {
      if (!list.add_page(ByteView(buffer).subspan(into * page_size, page_size))) return std::nullopt;
      if (is_end()) return list;
    }
  }
  return std::nullopt;
}

// What is not said of the counts is proven by the PFN list.
void SnapshotReader::check_info_page() {
  const InfoPage& info = stream_->info_page();
  const std::uint64_t at = stream_->info_offset();
  const std::uint64_t listed = pfns_.data_pages + pfns_.zero_pages;
  const auto add = [&](Error error) {
    info_damage_.push_back({std::move(error).of(stream_->file().path()), {}});
  };
  for (Error& error : wrong_counts(info, {info.pages, info.image_pages}, at)) add(std::move(error));
  const bool counts_are_wrong = !info_damage_.empty();
  if (info.num_physpages > kMaxPfn || info.num_physpages < listed) {
    add(make_error(ErrorKind::Corrupt, kNumPhyspages, std::to_string(info.num_physpages),
                   fmt::format("{} to {}: so many pages were saved", listed, kMaxPfn))
            .at(at + info_offsets(info.abi).num_physpages));
  }
  std::string text = fmt::format("{} in the stream: 1 + {} of PFNs + {} of data", counted(info.pages, "page"),
                                 grouped(info.pfn_page_count()), grouped(info.image_pages));
  if (counts_are_wrong) {
    parts_.info.findings.push_back({"counts-inferred", Severity::Warning, at,
                                    "the counts of the info page are wrong; told by the PFN list and the "
                                    "blocks: " +
                                        text});
    text = "its counts are wrong; told by the PFN list and the blocks: " + text;
  } else if (!info_damage_.empty()) {
    text = info_damage_.front().error.text();
  }
  info_layer_ = {"info page", info_damage_.empty() ? LayerResult::Ok : LayerResult::Bad, std::move(text)};
}

// ---- the PFN pages

void SnapshotReader::read_pfn_pages() {
  const InfoPage& info = stream_->info_page();
  const std::uint32_t page_size = stream_->page_size();
  pfn_pages_ = info.pfn_page_count();
  PfnListDecoder decoder(info.abi, info.image_pages);
  std::vector<std::byte> buffer(std::size_t{kChunkPages} * page_size);
  std::vector<Damage> damage;
  std::uint64_t page = 1;
  while (page < 1 + pfn_pages_ && !decoder.has_ended() && !cancelled()) {
    const std::uint64_t number = stream_->chunk_of_page(page);
    if (number >= chunk_states_.size()) {
      damage.push_back(
          {stream_->file().error(ErrorKind::Truncated, stream_->file().size(),
                                 fmt::format("PFN page {}", page - 1), "not there: the stream ends before it",
                                 fmt::format("{} PFN pages", pfn_pages_)),
           {}});
      decoder.add_page({}, stream_->file().size());
      break;
    }
    const StreamChunk chunk = stream_->chunk(number);
    const MutableBytes bytes = MutableBytes(buffer).first(std::size_t{chunk.page_count} * page_size);
    auto read = read_chunk(number, bytes);
    const std::uint64_t offset = stream_->chunk_offset(number).value_or(stream_->file().size());
    if (!read && !stream_->is_compressed()) {  // each page stands alone: what can be had of them
      for (; page < std::min<std::uint64_t>(1 + pfn_pages_, chunk.first_page + chunk.page_count); ++page) {
        const MutableBytes one = MutableBytes(buffer).first(page_size);
        auto page_read = stream_->read_page(page, one);
        decoder.add_page(page_read ? ByteView(one) : ByteView(), offset);
        if (!page_read) damage.push_back({std::move(page_read).error().in("PFN pages"), {}});
      }
      continue;
    }
    for (; page < std::min<std::uint64_t>(1 + pfn_pages_, chunk.first_page + chunk.page_count); ++page) {
      decoder.add_page(
          read ? ByteView(bytes).subspan((page - chunk.first_page) * page_size, page_size) : ByteView(),
          offset);
    }
    if (!read) damage.push_back({std::move(read).error().in("PFN pages"), {}});
  }
  pfns_ = decoder.finish();
  for (Damage& d : pfns_.damage) d.error.file = stream_->file().path();
  const std::uint64_t listed = pfns_.data_pages + pfns_.zero_pages;
  const std::uint64_t needed = (listed + info.abi.words_per_page() - 1) / info.abi.words_per_page();
  may_lose_pages_ = !stream_->damage().empty() || chunk_states_.size() < stream_->chunk_count() ||
                    pfns_.data_pages + pfn_pages_ + 1 > stream_->page_count();
  list_is_whole_ = damage.empty() && pfns_.damage.empty() && needed == pfn_pages_;
  if (damage.empty() && needed != pfn_pages_) {
    pfns_.damage.push_back(
        {stream_->file().error(ErrorKind::Corrupt, stream_->chunk_offset(0).value_or(0), "PFN pages",
                               std::to_string(pfn_pages_), fmt::format("{}, for {} PFNs", needed, listed)),
         {}});
  }
  pfns_.damage.insert(pfns_.damage.begin(), std::make_move_iterator(damage.begin()),
                      std::make_move_iterator(damage.end()));
  pfn_layer_ = {"PFN list", pfns_.damage.empty() ? LayerResult::Ok : LayerResult::Bad,
                pfns_.damage.empty() ? fmt::format("{} in {}, ascending, {} without a data page (zero)",
                                                   counted(listed, "PFN"), counted(pfns_.runs.size(), "run"),
                                                   grouped(pfns_.zero_pages))
                                     : pfns_.damage.front().error.text()};
}

bool SnapshotReader::is_lost(std::uint64_t data_index) const {
  return may_lose_pages_ && !stream_->has_page(stream_page(data_index));
}

// What follows each other without a whole chunk between (page, where pages stand alone) is lost as one.
void SnapshotReader::find_gaps() {
  if (!may_lose_pages_) return;
  const bool by_chunk = stream_->is_compressed();
  const std::uint64_t end = by_chunk ? stream_->chunk_count() : stream_->page_count();
  const std::uint64_t readable =
      std::min(end, by_chunk ? chunk_states_.size()
                             : stream_->chunk(0).first_page + chunk_states_.size() * kChunkPages);
  const auto add = [&](std::uint64_t first, std::uint64_t gap_end) {
    if (gaps_.empty() || gaps_.back().end < first) gaps_.push_back({first, first});
    gaps_.back().end = gap_end;
  };
  for (std::uint64_t n = 0; n < readable; ++n) {
    if (!stream_->has_page(by_chunk ? stream_->chunk(n).first_page : n)) add(n, n + 1);
  }
  if (readable < end) add(readable, end);
}

Error SnapshotReader::lost_page(std::uint64_t page) const {
  const bool by_chunk = stream_->is_compressed();
  const std::string what = by_chunk ? "chunk" : "stream page";
  const std::uint64_t number = by_chunk ? stream_->chunk_of_page(page) : page;
  const std::string allowed =
      fmt::format("{} pages in {} chunks", stream_->page_count(), stream_->chunk_count());
  const auto gap =
      std::partition_point(gaps_.begin(), gaps_.end(), [&](const Gap& g) { return g.end <= number; });
  if (gap == gaps_.end()) {
    return stream_->file().error(ErrorKind::Truncated, stream_->file().size(), what + "s",
                                 "lost: the PFN list names more than there are", allowed);
  }
  const bool is_one = gap->end - gap->first == 1;
  return stream_->file().error(ErrorKind::Truncated, gap_offset(*gap),
                               is_one ? fmt::format("{} {}", what, gap->first)
                                      : fmt::format("{}s {} to {}", what, gap->first, gap->end - 1),
                               is_one ? "lost: its place cannot be found, or the stream ends before it"
                                      : "lost: their places cannot be found, or the stream ends before them",
                               allowed);
}

// Where it begins. Where a chunk that was not found would lie is not known: behind the one before it.
std::uint64_t SnapshotReader::gap_offset(const Gap& gap) const {
  const std::uint64_t first = stream_->is_compressed() ? gap.first : stream_->chunk_of_page(gap.first);
  auto at = stream_->chunk_offset(first);
  if (!at && first > 0) at = stream_->chunk_offset(first - 1);
  return std::min(at.value_or(stream_->file().size()), stream_->file().size());
}

// ---- runs and batches

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
      if (reader_.may_lose_pages_) {
        for (std::uint64_t next = next_place(first); next < end; next = next_place(next)) {
          if (reader_.is_lost(next) != lost) end = next;
        }
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
  // Where the state may change: at the next chunk, or page where pages stand alone.
  std::uint64_t next_place(std::uint64_t data_index) const {
    if (reader_.stream_page(data_index) >= reader_.stream_->page_count())
      return ~std::uint64_t{0};  // nothing is there
    if (!reader_.stream_->is_compressed()) return data_index + 1;
    const StreamChunk chunk =
        reader_.stream_->chunk(reader_.stream_->chunk_of_page(reader_.stream_page(data_index)));
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

Result<std::unique_ptr<RunSource>> SnapshotReader::runs() const {
  return std::unique_ptr<RunSource>(new Runs(*this));
}
Result<std::unique_ptr<BatchSource>> SnapshotReader::batches() const {
  return std::unique_ptr<BatchSource>(new Batches(*this));
}

Result<void> SnapshotReader::read_chunk(std::uint64_t chunk, MutableBytes out) const {
  auto read = stream_->read_chunk(chunk, out);
  if (chunk >= chunk_states_.size()) return read;
  chunk_states_[chunk] = read ? ChunkState::Good : ChunkState::Bad;
  if (read && stream_->stored_crc()) chunk_crcs_[chunk] = crc32(out);
  return read;
}

// One chunk in the buffer of a batch, and which of its pages could be had.
class SnapshotReader::ChunkInHand {
 public:
  ChunkInHand(const SnapshotReader& reader, PageBatch& batch, std::uint64_t first_chunk)
      : reader_(reader), batch_(batch), first_chunk_(first_chunk) {
    batch.buffer.resize(kBatchChunks * kChunkPages * reader.stream_->page_size());
  }

  void load(std::uint64_t number) {
    if (number == number_) return;
    number_ = number;
    chunk_ = reader_.stream_->chunk(number);
    damaged_ = false;
    place_ = MutableBytes(batch_.buffer)
                 .subspan((number - first_chunk_) * kChunkPages * page_size(),
                          std::size_t{chunk_.page_count} * page_size());
    auto read = reader_.read_chunk(number, place_);
    good_.fill(read.has_value());
    if (!read && !reader_.stream_->is_compressed()) {
      for (std::uint32_t i = 0; i < chunk_.page_count; ++i)
        good_[i] =
            reader_.stream_->read_page(chunk_.first_page + i, place_.subspan(i * page_size(), page_size()))
                .has_value();
    }
    if (!read) error_ = std::move(read).error();
    for (std::uint32_t i = 0; i < chunk_.page_count; ++i) {
      if (good_[i]) reader_.memory_map_->look_at(place_.subspan(i * page_size(), page_size()));
    }
  }

  // Items for pages of the run from `pfn` on that lie in this chunk; how many.
  std::uint64_t add_items(const PageRun& run, Pfn pfn, std::uint64_t stream_page) {
    const std::uint64_t into = stream_page - chunk_.first_page;
    const std::uint64_t most = std::min<std::uint64_t>(run.end() - pfn, chunk_.page_count - into);
    std::uint64_t count = 1;
    while (count < most && good_[into + count] == good_[into]) ++count;
    if (good_[into]) {
      classify_pages(pfn, count, place_.data() + into * page_size(), page_size(), batch_.items);
      return count;
    }
    batch_.items.push_back({{pfn, count, PageState::Unreadable, 0}, nullptr, {}});
    if (!damaged_) batch_.damage.push_back({error_, {}});
    damaged_ = true;
    batch_.damage.back().lost_pfns.emplace_back(pfn, count);
    return count;
  }

 private:
  std::uint32_t page_size() const { return reader_.stream_->page_size(); }

  const SnapshotReader& reader_;
  PageBatch& batch_;
  std::uint64_t first_chunk_;
  std::uint64_t number_ = ~std::uint64_t{0};
  StreamChunk chunk_;
  MutableBytes place_;
  std::array<bool, kChunkPages> good_{};
  Error error_;
  bool damaged_ = false;  // said already
};

void SnapshotReader::load(PageBatch& batch) const {
  std::uint64_t data_index = batch.token;
  ChunkInHand chunk(*this, batch, stream_->chunk_of_page(stream_page(batch.token)));
  for (const PageRun& run : batch.runs) {
    if (run.state == PageState::Fill) {
      batch.items.push_back({run, nullptr, {}});
      continue;
    }
    if (run.state == PageState::Unreadable) {
      batch.items.push_back({run, nullptr, {}});
      batch.damage.push_back({lost_page(stream_page(data_index)), {{run.first, run.count}}});
      data_index += run.count;
      continue;
    }
    for (Pfn pfn = run.first; pfn < run.end();) {
      chunk.load(stream_->chunk_of_page(stream_page(data_index)));
      const std::uint64_t count = chunk.add_items(run, pfn, stream_page(data_index));
      pfn += count;
      data_index += count;
    }
  }
}

// ---- one page

std::shared_ptr<const std::vector<std::byte>> SnapshotReader::recent_chunk(std::uint64_t chunk) const {
  const std::scoped_lock lock(mutex_);
  const auto it =
      std::find_if(recent_.begin(), recent_.end(), [&](const auto& entry) { return entry.first == chunk; });
  if (it == recent_.end()) return nullptr;
  std::rotate(recent_.begin(), it, it + 1);
  return recent_.front().second;
}

// Not through read_chunk(): what that remembers belongs to the thread that loads the chunk's batch.
Result<std::shared_ptr<const std::vector<std::byte>>> SnapshotReader::cached_chunk(
    std::uint64_t chunk) const {
  if (auto pages = recent_chunk(chunk)) return pages;
  auto pages = std::make_shared<std::vector<std::byte>>(std::size_t{stream_->chunk(chunk).page_count} *
                                                        stream_->page_size());
  TRY_OK(stream_->read_chunk(chunk, *pages));
  const std::scoped_lock lock(mutex_);
  if (recent_.size() == kCachedChunks) recent_.pop_back();
  recent_.insert(recent_.begin(), {chunk, pages});
  return std::shared_ptr<const std::vector<std::byte>>(std::move(pages));
}

Result<void> SnapshotReader::read_page(Pfn pfn, MutableBytes out) const {
  const auto& runs = pfns_.runs;
  const auto after =
      std::upper_bound(runs.begin(), runs.end(), pfn, [](Pfn p, const PfnRun& run) { return p < run.first; });
  if (after == runs.begin() || pfn >= std::prev(after)->end()) {
    return fail(make_error(ErrorKind::NoPage, fmt::format("PFN {:#x}", pfn), "not saved in this image",
                           "a page that inspect --pages lists")
                    .of(info().path));
  }
  const PfnRun& run = *std::prev(after);
  if (run.zero) {
    std::fill(out.begin(), out.end(), std::byte{0});
    return {};
  }
  const std::uint64_t page = stream_page(run.data_index + (pfn - run.first));
  const std::uint64_t number = stream_->chunk_of_page(page);
  if (is_lost(run.data_index + (pfn - run.first)))
    return fail(lost_page(page).in(fmt::format("PFN {:#x}", pfn)));
  if (!stream_->is_compressed()) return stream_->read_page(page, out);
  auto chunk = cached_chunk(number);
  if (!chunk) return fail(std::move(chunk).error().in(fmt::format("PFN {:#x}", pfn)));
  const std::uint64_t into = page - stream_->chunk(number).first_page;
  std::memcpy(out.data(), (*chunk)->data() + into * stream_->page_size(), stream_->page_size());
  return {};
}

// ---- what is known of the whole

// What a writer is told, with counts that hold.
void SnapshotReader::fill_record() {
  ImageRecord& record = parts_.record;
  record.info = stream_->info_page();
  if (!info_damage_.empty()) record.info.raw = encode_info_page(record.info);
  record.uses_zero_flag = pfns_.uses_zero_flag;
}

void SnapshotReader::fill_info() {
  const InfoPage& page = stream_->info_page();
  ImageInfo& info = parts_.info;
  if (info.state == ImageState::Unknown)
    info.state = stream_->damage().empty() ? ImageState::Complete : ImageState::Incomplete;
  if (info.path.empty()) describe_input(stream_->file(), info);
  info.page_size = page.abi.page_size;
  info.kernel = page.uts;
  info.details.emplace_back("jump back", describe_restore_record(page));
  info.details.emplace_back(
      "saved", fmt::format("{} of {} pages: {} with data, {} marked as zero",
                           grouped(pfns_.data_pages + pfns_.zero_pages), grouped(page.num_physpages),
                           grouped(pfns_.data_pages), grouped(pfns_.zero_pages)));
  info.end_pfn = pfns_.end_pfn();
  Pieces pieces(*this);
  while (!pieces.at_end()) info.pages.add(pieces.next(~std::uint64_t{0}));
  if (const auto crc = stream_->stored_crc()) {
    info.integrity_algorithm = "crc32";
    info.integrity_value = fmt::format("{:08x}", crc->value);
  }
  if (const auto md5 = stream_->stored_md5()) {
    info.integrity_algorithm = "md5";
    info.integrity_value = hex_digest(md5->value);
  }
}

// By the pages that the record leads to.
void SnapshotReader::check_restore() {
  restore_ = check_restore_record(*this, stream_->info_page(), stream_->info_offset());
  memory_map_.emplace(restore_.record);
}

void SnapshotReader::collect_damage() {
  ImageInfo& info = parts_.info;
  const auto add = [&](const std::vector<Damage>& from) {
    info.damage.insert(info.damage.end(), from.begin(), from.end());
  };
  add(parts_.damage);
  add(stream_->damage());
  add(pfns_.damage);
  add(info_damage_);
  add(restore_.damage);
  for (const Damage& damage : info.damage) {
    if (info.findings.size() < 20)
      info.findings.push_back({"damage", Severity::Error, damage.error.offset, damage.error.text()});
  }
  const std::uint64_t saved = info.pages.total();
  const std::uint64_t had = stream_->info_page().num_physpages;
  if (had > saved) {
    info.gaps_may_be_memory = true;
    info.findings.push_back(
        {"pages-not-saved", Severity::Note, std::nullopt,
         fmt::format(
             "{} of the machine's {} pages are not in the image: free when it was made, or not to be saved",
             grouped(had - saved), grouped(had))});
  }
}

const std::vector<Record>& SnapshotReader::records() const {
  std::call_once(records_once_, [this] {
    records_ = find_kernel(*this, stream_->info_page(), restore_.record);
    if (parts_.slots) {
      auto swapped = find_swapped_pages(*this, records_, *parts_.slots);
      swapped_ = std::move(swapped.pages);
      std::move(swapped.records.begin(), swapped.records.end(), std::back_inserter(records_));
    } else if (auto areas = swap_areas_record(*this, records_)) {
      records_.push_back(std::move(*areas));
    }
    records_.push_back(encode_image_record(parts_.record));
  });
  return records_;
}

const ImageReader* SnapshotReader::swapped_pages() const {
  records();
  return swapped_.get();
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
  check.layers.push_back(info_layer_);
  check.layers.push_back(pfn_layer_);
  check.layers.push_back(restore_.layer);
  check.has_unknown_parts = stream_->info_page().restore.kind == RestoreKind::Unknown;
  check.damage = parts_.info.damage;
  check.pages_have_checksums = stream_->stored_crc().has_value() || stream_->stored_md5().has_value();
  return check;
}

// One more pass, in order: MD5 cannot be put together from parts.
namespace {

// The checksum is of all chunks together. Where it is stored says nothing about where the change is, so there
// is no offset.
Damage changed_somewhere(const PageStream& stream, const char* checksum, std::string computed,
                         const std::string& stored) {
  Error error = make_error(ErrorKind::Corrupt, checksum, std::move(computed), stored + ", as stored");
  return {std::move(error)
              .of(stream.file().path())
              .advise("every chunk can be read, so which one was changed cannot be told"),
          {},
          true};
}

}  // namespace

WholeCheck SnapshotReader::check_md5() const {
  const auto stored = *stream_->stored_md5();
  Md5 md5;
  std::vector<std::byte> buffer(std::size_t{kChunkPages} * stream_->page_size());
  for (std::uint64_t i = 0; i < stream_->chunk_count() && !cancelled(); ++i) {
    const MutableBytes pages =
        MutableBytes(buffer).first(std::size_t{stream_->chunk(i).page_count} * stream_->page_size());
    if (!stream_->read_chunk(i, pages))
      return {{{"md5", LayerResult::NotChecked, "it is of all chunks together, and not all can be read"}},
              {}};
    md5.update(pages);
  }
  const std::string computed = hex_digest(md5.digest());
  const std::string wanted = hex_digest(stored.value);
  if (computed == wanted) return {{{"md5", LayerResult::Ok, computed}}, {}};
  return {{{"md5", LayerResult::Bad, fmt::format("{}, stored is {}", computed, wanted)}},
          {changed_somewhere(*stream_, "md5 of the stream", computed, wanted)}};
}

WholeCheck SnapshotReader::check_whole() const {
  WholeCheck check = check_checksum();
  if (auto version = check_version(*this, records(), stream_->info_page(), stream_->info_offset())) {
    check.layers.push_back(std::move(version->layer));
    if (version->damage) check.damage.push_back(std::move(*version->damage));
  }
  check_memory_map(check);
  check_memory_size(check);
  return check;
}

// The pages have been loaded, and the firmware's memory map was seen among them.
void SnapshotReader::check_memory_map(WholeCheck& check) const {
  if (!memory_map_->is_wanted()) return;
  const MemoryMapSearch::Result map = memory_map_->result();
  std::string text = "the table of which the restore record has the digest is not in the pages";
  if (map.result == LayerResult::Ok) text = map.wanted + ", of the table in the pages";
  if (map.result == LayerResult::Bad) {
    Error error = stream_->file().error(
        ErrorKind::Corrupt, stream_->info_offset() + restore_digest_offset(stream_->info_page().abi),
        "restore record: digest", map.wanted, map.found + ", of the table in the pages");
    text = error.text();
    check.damage.push_back({std::move(error), {}});
  }
  check.layers.push_back({"memory map", map.result, std::move(text)});
  check.firmware_map = map.table;
}

// A kernel refuses the image of a machine with more or less memory.
void SnapshotReader::check_memory_size(WholeCheck& check) const {
  const InfoPage& info = stream_->info_page();
  const Record* machine = find_record(records(), kMachineRecord);
  const auto ram = machine == nullptr ? std::nullopt : count_ram(*this, info.abi, restore_.record, *machine);
  if (!ram) return;
  if (*ram == info.num_physpages) {
    check.layers.push_back(
        {kMemorySize, LayerResult::Ok, counted(*ram, "page") + ", as the kernel's nodes count"});
    return;
  }
  Error error = stream_->file().error(
      ErrorKind::Corrupt, stream_->info_offset() + info_offsets(info.abi).num_physpages, kNumPhyspages,
      std::to_string(info.num_physpages), fmt::format("{}, as the kernel's nodes count", *ram));
  check.layers.push_back({kMemorySize, LayerResult::Bad, error.text()});
  const bool is_said = std::any_of(info_damage_.begin(), info_damage_.end(),
                                   [](const Damage& damage) { return damage.error.where == kNumPhyspages; });
  if (!is_said) check.damage.push_back({std::move(error), {}});
}

WholeCheck SnapshotReader::check_checksum() const {
  if (stream_->stored_md5()) return check_md5();
  WholeCheck check;
  if (!stream_->is_compressed()) {
    check.layers.push_back({"codec", LayerResult::NotProvable, "uncompressed: nothing to decode"});
    check.layers.push_back({"crc32", LayerResult::NotProvable,
                            "an uncompressed image carries no checksum: a changed byte cannot be noticed"});
    return check;
  }
  const auto good =
      static_cast<std::uint64_t>(std::count(chunk_states_.begin(), chunk_states_.end(), ChunkState::Good));
  const std::uint64_t total = stream_->chunk_count();
  check.layers.push_back(
      {"codec", good == total ? LayerResult::Ok : LayerResult::Bad,
       fmt::format("{}: {} of {} chunks decode", info().codec, grouped(good), grouped(total))});
  const auto stored = stream_->stored_crc();
  if (!stored) {
    check.layers.push_back({"crc32", LayerResult::NotProvable, parts_.no_crc});
    return check;
  }
  if (good < total) {
    check.layers.push_back(
        {"crc32", LayerResult::NotChecked, "it is of all chunks together, and not all can be decoded"});
    return check;
  }
  // The kernel's seed is 0 without the inversions of zlib's function: the same as zlib's from 0xFFFFFFFF on,
  // inverted.
  std::uint32_t crc = 0xFFFFFFFF;
  for (std::uint64_t i = 0; i < chunk_crcs_.size(); ++i)
    crc = crc32_join(crc, chunk_crcs_[i], std::uint64_t{stream_->chunk(i).page_count} * stream_->page_size());
  const std::uint32_t computed = crc ^ 0xFFFFFFFF;
  const bool equal = computed == stored->value;
  check.layers.push_back({"crc32", equal ? LayerResult::Ok : LayerResult::Bad,
                          equal ? fmt::format("{:08x}", computed)
                                : fmt::format("{:08x}, stored is {:08x}", computed, stored->value)});
  if (!equal) {
    check.damage.push_back(changed_somewhere(*stream_, "crc32 of all chunks", fmt::format("{:08x}", computed),
                                             fmt::format("{:08x}", stored->value)));
  }
  return check;
}

}  // namespace hib::swsusp
