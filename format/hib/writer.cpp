#include "format/hib/writer.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include <fmt/format.h>

#include "format/hib/block_writer.h"
#include "format/hib/breadcrumbs.h"
#include "format/hib/decode.h"
#include "format/hib/dedup.h"
#include "format/hib/index_builder.h"
#include "lib/base/pool.h"
#include "lib/base/text.h"
#include "lib/codec/zstd.h"
#include "lib/image/swapped.h"
#include "lib/image/swapped_record.h"

namespace hib::hib_image {
namespace {

constexpr std::uint64_t kBreadcrumbBytes = 4096;
constexpr std::uint32_t kMaxChunkKib = 4096;

void write_canonical(const Hash128& hash, std::byte* out) {
  const be64 high = hash.high;
  const be64 low = hash.low;
  std::memcpy(out, &high, 8);
  std::memcpy(out + 8, &low, 8);
}

// A commit record of an earlier image at the end of the device must not vouch for this one.
Result<void> forget_earlier_image(Output& device) {
  const std::vector<std::byte> nothing(kCommitBytes);
  if (device.device_bytes() < kCommitBytes) {
    return fail(make_error(ErrorKind::Refused, "output",
                           fmt::format("a device of {} bytes", device.device_bytes()), "a larger one")
                    .of(device.path()));
  }
  TRY_OK(device.write_at(device.device_bytes() - kCommitBytes, nothing));
  return device.flush();
}

FileHeader plain_header(std::uint32_t page_size, std::uint32_t chunk_pages) {
  FileHeader h{};
  std::memcpy(h.magic, kFileMagic, sizeof(kFileMagic));
  h.version_major = kVersionMajor;
  h.version_minor = kVersionMinor;
  h.header_bytes = sizeof(FileHeader);
  h.page_size = page_size;
  h.chunk_pages = chunk_pages;
  h.breadcrumb_offset = sizeof(FileHeader);
  h.breadcrumb_bytes = kBreadcrumbBytes;
  h.first_block = sizeof(FileHeader) + kBreadcrumbBytes;
  h.features[0] = {0, 0, 4, 0, "base"};
  return h;
}

Hash128 seal(FileHeader& h) {
  const Hash128 hash = hash128(object_bytes(h).first(offsetof(FileHeader, hash)));
  h.hash = to_disk(hash);
  return hash;
}

// A PAGES block in the making.
struct Chunk {
  PagesBlock pages;
  std::vector<std::byte> map;
  std::vector<const std::byte*> slots;  // the pages to store, in order
  std::vector<std::uint64_t> slot_hashes;
  std::vector<std::shared_ptr<const PageBatch>> batches;  // keep the bytes of `slots` alive
  Pool<std::vector<std::byte>>::Lease block;  // encoded: room for the block header, then payload and padding
  std::uint64_t payload_bytes = 0;
  std::size_t block_bytes = 0;  // of `block`, which may be larger
  Hash128 payload_hash;
};

struct ChunkJob final : PageSink::Job {
  std::vector<Chunk> chunks;
};

// Describes pages one run after the other and joins runs that continue each other.
class MapBuilder {
 public:
  void add(MapKind kind, std::uint64_t count, std::uint64_t slot, std::uint8_t fill,
           std::vector<std::byte>& out) {
    const bool slot_continues = kind != MapKind::Equal || slot == run_.slot + run_.count;
    if (run_.count > 0 && kind == run_.kind && fill == run_.fill && slot_continues) {
      run_.count += count;
      return;
    }
    flush(out);
    run_ = {kind, 0, count, slot, fill};
  }

  void flush(std::vector<std::byte>& out) {
    if (run_.count == 0) return;
    append_map_entry(out, run_.kind, run_.count);
    if (run_.kind == MapKind::Fill) out.push_back(static_cast<std::byte>(run_.fill));
    if (run_.kind == MapKind::Equal) append_varint(out, run_.slot);
    run_.count = 0;
  }

 private:
  MapRun run_;
};

class Writer final : public ImageWriter {
 public:
  Writer(Output& output, const ImageReader& source, std::vector<Record> records, const WriterOptions& options)
      : output_(output),
        source_(source),
        keeps_swapped_(!options.without_swapped && source.swapped_pages() != nullptr),
        base_(options.base != nullptr ? std::make_unique<WithSwapped>(*options.base) : nullptr),
        records_(std::move(records)),
        options_(options),
        page_size_(source.info().page_size),
        chunk_pages_(options.chunk_pages != 0 ? options.chunk_pages
                                              : pages_of_chunk(kDefaultChunkKib, page_size_)),
        table_(source.info().pages.data),
        candidate_(page_size_),
        compressors_([this] { return std::make_unique<ZstdCompressor>(options_.level); }),
        buffers_([] { return std::make_unique<std::vector<std::byte>>(); }),
        blocks_(output) {
    has_base_ = options.base != nullptr;
  }

  Result<void> begin() override;
  Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) override;
  Result<void> encode(Job& job) override;
  Result<void> append(Job& job) override;
  Result<void> finish(const Totals& totals) override;

 private:
  Result<void> plan_item(const PageItem& item, const std::shared_ptr<const PageBatch>& batch, ChunkJob& job);
  Result<void> plan_page(const PageItem& item, const std::shared_ptr<const PageBatch>& batch);
  Result<bool> equals_base(const PageItem& item);
  std::optional<std::uint64_t> find_equal(const PageItem& item);
  void describe(MapKind kind, std::uint64_t count, std::uint64_t slot = 0, std::uint8_t fill = 0);
  void close_chunk(ChunkJob& job);
  bool chunk_is_full() const;
  void encode_chunk(Chunk& chunk);
  Result<void> append_chunk(Chunk& chunk);
  Result<void> append_header();
  Result<void> append_record(const Record& record);
  Result<void> append_salvaged(const Totals& totals);
  Result<void> append_index();
  RootSwapped root_of_swapped(const Totals& totals) const;
  Result<Block> append_root(const Totals& totals);
  Result<void> append_commit(const Block& root);

  Output& output_;
  WithSwapped source_;
  bool keeps_swapped_;
  std::unique_ptr<WithSwapped> base_;  // null: not incremental
  std::vector<Record> records_;
  WriterOptions options_;
  std::uint32_t page_size_;
  std::uint32_t chunk_pages_;

  // plan: one thread
  DedupTable table_;
  Chunk chunk_;
  MapBuilder map_;
  Pfn end_number_ = 0;                // of the page described last, plus 1
  Pfn end_pfn_ = 0;                   // the same of memory alone
  std::vector<std::byte> candidate_;  // bytes of the stored page that was compared last
  std::optional<std::uint64_t> candidate_slot_;

  // encode: any thread
  Pool<ZstdCompressor> compressors_;
  Pool<std::vector<std::byte>>
      buffers_;  // fresh memory for each chunk would cost more page faults than compression

  // append: one thread
  BlockWriter blocks_;
  IndexBuilder index_;
  Hash128 header_hash_;
  std::vector<RootIndexEntry> root_indexes_;
  std::vector<RootRecordEntry> root_records_;
};

Result<void> Writer::begin() {
  if (output_.target() == Output::Target::BlockDevice) TRY_OK(forget_earlier_image(output_));
  TRY_OK(append_header());
  for (const Record& record : records_) TRY_OK(append_record(record));
  return {};
}

Result<void> Writer::append_record(const Record& record) {
  const auto payload = encode_record(record);
  if (payload.size() > kMaxRecordBytes) {
    return fail(make_error(ErrorKind::Limit, fmt::format("record \"{}\"", record.type),
                           fmt::format("{} bytes", payload.size()),
                           fmt::format("at most {}", kMaxRecordBytes)));
  }
  TRY(const Block block, blocks_.append(BlockType::Record, payload));
  root_records_.push_back({block.offset, block.payload_bytes, to_disk(block.payload_hash)});
  return {};
}

// What was lost shows only at the end. It goes with every copy: nobody may take this for the whole machine.
Result<void> Writer::append_salvaged(const Totals& totals) {
  if (totals.broken_places == 0 && totals.missing_pages == 0) return {};
  if (find_record(records_, kSalvagedRecord) != nullptr) return {};
  Record record;
  record.type = kSalvagedRecord;
  record.set("broken_places", std::uint64_t{totals.broken_places});
  record.set("unreadable_pages", totals.pages.unreadable + totals.swapped.unreadable);
  record.set("missing_pages", totals.missing_pages);
  return append_record(record);
}

Result<void> Writer::append_header() {
  FileHeader h = plain_header(page_size_, chunk_pages_);
  if (options_.base != nullptr) {
    h.incompatible = h.incompatible | kFeatureBase;
    h.base_root = to_disk(options_.base_root);
    h.base_name_bytes = static_cast<std::uint32_t>(options_.base_name.size());
    std::memcpy(h.base_name, options_.base_name.data(), options_.base_name.size());
  }
  if (keeps_swapped_) {
    h.incompatible = h.incompatible | kFeatureSwapped;
    h.features[1] = {0, 2, 13, 0, "swapped-pages"};
  }
  header_hash_ = seal(h);
  blocks_.begin(header_hash_);
  TRY_OK(output_.append(object_bytes(h)));
  return output_.append(encode_breadcrumbs(options_.breadcrumbs, kBreadcrumbBytes));
}

// ---- plan

Result<std::unique_ptr<PageSink::Job>> Writer::plan(std::shared_ptr<const PageBatch> batch) {
  auto job = std::make_unique<ChunkJob>();
  constexpr std::size_t kAhead = 16;
  const auto& items = batch->items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i + kAhead < items.size()) table_.prefetch(items[i + kAhead].hash.low);
    TRY_OK(plan_item(items[i], batch, *job));
  }
  return std::unique_ptr<Job>(std::move(job));
}

Result<void> Writer::plan_item(const PageItem& item, const std::shared_ptr<const PageBatch>& batch,
                               ChunkJob& job) {
  const bool swapped = is_swapped(item.run.first);
  if (swapped && !is_swapped(end_number_)) {  // the first of them: never in a block with memory
    if (chunk_.pages.page_count > 0) close_chunk(job);
  }
  if (chunk_.pages.page_count == 0) {
    chunk_.pages.first_pfn = item.run.first;
  } else if (item.run.first > end_number_) {
    describe(MapKind::Hole, item.run.first - end_number_);
  }
  switch (item.run.state) {
    case PageState::Data: TRY_OK(plan_page(item, batch)); break;
    case PageState::Fill:
      if (item.run.fill != 0) statistics_.filled_pages += item.run.count;
      describe(item.run.fill == 0 ? MapKind::Zero : MapKind::Fill, item.run.count, 0, item.run.fill);
      break;
    case PageState::Absent: describe(MapKind::Absent, item.run.count); break;
    case PageState::Unreadable: describe(MapKind::Unreadable, item.run.count); break;
  }
  end_number_ = item.run.end();
  if (!swapped) end_pfn_ = end_number_;
  if (chunk_is_full()) close_chunk(job);
  return {};
}

Result<void> Writer::plan_page(const PageItem& item, const std::shared_ptr<const PageBatch>& batch) {
  TRY(const bool in_base, equals_base(item));
  if (in_base) {
    ++statistics_.base_pages;
    describe(MapKind::Base, 1);
    return {};
  }
  if (const auto slot = find_equal(item)) {
    ++statistics_.equal_pages;
    describe(MapKind::Equal, 1, *slot);
    return {};
  }
  table_.add(item.hash.low, item.run.first);
  chunk_.slots.push_back(item.bytes);
  chunk_.slot_hashes.push_back(item.hash.low);
  if (chunk_.batches.empty() || chunk_.batches.back() != batch) chunk_.batches.push_back(batch);
  describe(MapKind::Stored, 1);
  return {};
}

Result<bool> Writer::equals_base(const PageItem& item) {
  if (base_ == nullptr) return false;
  const auto base_page = base_->read_page(item.run.first, candidate_);
  candidate_slot_.reset();
  if (!base_page) {
    if (base_page.error().kind == ErrorKind::NoPage) return false;  // the base does not have it
    return fail(base_page.error());
  }
  return std::memcmp(candidate_.data(), item.bytes, page_size_) == 0;
}

std::optional<std::uint64_t> Writer::find_equal(const PageItem& item) {
  return table_.find(item.hash.low, [&](std::uint64_t slot, Pfn pfn) {
    if (candidate_slot_ != slot) {
      candidate_slot_.reset();
      if (!source_.read_page(pfn, candidate_)) return false;
      candidate_slot_ = slot;
    }
    return std::memcmp(candidate_.data(), item.bytes, page_size_) == 0;
  });
}

void Writer::describe(MapKind kind, std::uint64_t count, std::uint64_t slot, std::uint8_t fill) {
  map_.add(kind, count, slot, fill, chunk_.map);
  chunk_.pages.page_count += count;
}

// A map entry takes at most 20 bytes; two are written at most between two looks at this.
bool Writer::chunk_is_full() const {
  return chunk_.slots.size() >= chunk_pages_ || chunk_.map.size() + 64 > kMaxMapBytes;
}

void Writer::close_chunk(ChunkJob& job) {
  map_.flush(chunk_.map);
  chunk_.pages.slot_count = static_cast<std::uint32_t>(chunk_.slots.size());
  chunk_.pages.first_slot = table_.slots() - chunk_.slots.size();
  chunk_.pages.map_bytes = static_cast<std::uint32_t>(chunk_.map.size());
  job.chunks.push_back(std::move(chunk_));
  chunk_ = {};
}

// ---- encode

Result<void> Writer::encode(Job& job) {
  for (Chunk& chunk : static_cast<ChunkJob&>(job).chunks) encode_chunk(chunk);
  return {};
}

// The pages one after the other; where they already lie so in a batch, without a copy.
ByteView contiguous(const Chunk& chunk, std::uint32_t page_size, std::vector<std::byte>& scratch) {
  bool adjacent = true;
  for (std::size_t i = 1; i < chunk.slots.size() && adjacent; ++i)
    adjacent = chunk.slots[i] == chunk.slots[i - 1] + page_size;
  const std::size_t size = chunk.slots.size() * page_size;
  if (adjacent && !chunk.slots.empty()) return {chunk.slots[0], size};
  if (scratch.size() < size) scratch.resize(size);
  for (std::size_t i = 0; i < chunk.slots.size(); ++i)
    std::memcpy(scratch.data() + i * page_size, chunk.slots[i], page_size);
  return ByteView(scratch).first(size);
}

void Writer::encode_chunk(Chunk& chunk) {
  const auto scratch = buffers_.take();
  const ByteView pages = contiguous(chunk, page_size_, *scratch);
  const std::size_t frame_at = sizeof(BlockHeader) + sizeof(PagesHeader) + chunk.map.size();
  chunk.block = buffers_.take();
  std::vector<std::byte>& block = *chunk.block;
  if (block.size() < frame_at + ZstdCompressor::bound(pages.size()) + kBlockAlignment) {
    block.resize(
        frame_at +
        ZstdCompressor::bound(std::max<std::size_t>(pages.size(), std::size_t{chunk_pages_} * page_size_)) +
        kBlockAlignment);
  }
  const MutableBytes room = MutableBytes(block).subspan(frame_at);
  std::size_t frame_bytes = pages.empty() ? 0 : compressors_.take()->compress(pages, room);
  chunk.pages.codec = FrameCodec::Zstd;
  if (frame_bytes >= pages.size()) {
    if (!pages.empty()) std::memcpy(room.data(), pages.data(), pages.size());
    frame_bytes = pages.size();
    chunk.pages.codec = FrameCodec::Stored;
  }
  chunk.pages.frame_bytes = static_cast<std::uint32_t>(frame_bytes);

  PagesHeader header{};
  header.first_pfn = chunk.pages.first_pfn;
  header.page_count = chunk.pages.page_count;
  header.first_slot = chunk.pages.first_slot;
  header.slot_count = chunk.pages.slot_count;
  header.map_bytes = chunk.pages.map_bytes;
  header.frame_bytes = chunk.pages.frame_bytes;
  header.codec = static_cast<std::uint8_t>(chunk.pages.codec);
  std::memcpy(block.data() + sizeof(BlockHeader), &header, sizeof(header));
  std::memcpy(block.data() + sizeof(BlockHeader) + sizeof(PagesHeader), chunk.map.data(), chunk.map.size());

  chunk.payload_bytes = sizeof(PagesHeader) + chunk.map.size() + frame_bytes;
  chunk.block_bytes = sizeof(BlockHeader) + round_up(chunk.payload_bytes, kBlockAlignment);
  const auto at = [&](std::size_t i) { return block.begin() + static_cast<std::ptrdiff_t>(i); };
  std::fill(at(frame_at + frame_bytes), at(chunk.block_bytes), std::byte{0});
  chunk.payload_hash =
      hash128(ByteView(block).subspan(sizeof(BlockHeader), chunk.block_bytes - sizeof(BlockHeader)));
  chunk.slots.clear();
  chunk.batches.clear();
}

// ---- append

Result<void> Writer::append(Job& job) {
  for (Chunk& chunk : static_cast<ChunkJob&>(job).chunks) {
    TRY_OK(append_chunk(chunk));
    chunk.block.reset();
  }
  return {};
}

Result<void> Writer::append_chunk(Chunk& chunk) {
  TRY(const Block block,
      blocks_.append_encoded(BlockType::Pages, MutableBytes(*chunk.block).first(chunk.block_bytes),
                             chunk.payload_bytes, chunk.payload_hash));
  index_.add(block, chunk.pages, chunk.map, chunk.slot_hashes);
  if (index_.is_full()) return append_index();
  return {};
}

Result<void> Writer::append_index() {
  if (index_.is_empty()) return {};
  TRY(const Block block, blocks_.append(BlockType::Index, index_.payload()));
  root_indexes_.push_back(index_.finish(block));
  return {};
}

RootSwapped Writer::root_of_swapped(const Totals& totals) const {
  RootSwapped swapped{};
  swapped.data_pages = totals.swapped.data;
  swapped.zero_pages = totals.swapped.zero;
  swapped.absent_pages = totals.swapped.absent;
  swapped.unreadable_pages = totals.swapped.unreadable;
  swapped.end_slot = is_swapped(end_number_) ? end_number_ - kFirstSwapped : 0;
  write_canonical(totals.swapped_digest, swapped.digest);
  return swapped;
}

Result<Block> Writer::append_root(const Totals& totals) {
  RootHeader header{};
  header.data_pages = totals.pages.data;
  header.zero_pages = totals.pages.zero;
  header.absent_pages = totals.pages.absent;
  header.unreadable_pages = totals.pages.unreadable;
  header.filled_pages = statistics_.filled_pages;
  header.equal_pages = statistics_.equal_pages;
  header.base_pages = statistics_.base_pages;
  header.slots = index_.slots();
  header.end_pfn = end_pfn_;
  write_canonical(totals.content_digest, header.content_digest);
  header.header_hash = to_disk(header_hash_);
  header.blocks_before = blocks_.count();
  header.index_count = static_cast<std::uint32_t>(root_indexes_.size());
  header.record_count = static_cast<std::uint32_t>(root_records_.size());
  std::vector<std::byte> payload;
  append_bytes(payload, object_bytes(header));
  for (const RootIndexEntry& entry : root_indexes_) append_bytes(payload, object_bytes(entry));
  for (const RootRecordEntry& entry : root_records_) append_bytes(payload, object_bytes(entry));
  if (keeps_swapped_) append_bytes(payload, object_bytes(root_of_swapped(totals)));
  return blocks_.append(BlockType::Root, payload);
}

Result<void> Writer::append_commit(const Block& root) {
  CommitPayload commit{};
  commit.root_offset = root.offset;
  commit.root_payload_bytes = root.payload_bytes;
  commit.root_hash = to_disk(root.payload_hash);
  commit.file_bytes = output_.position() + kCommitBytes;
  std::vector<std::byte> bytes(kCommitBytes);
  std::memcpy(bytes.data() + sizeof(BlockHeader), &commit, sizeof(commit));
  const Hash128 hash = hash128(ByteView(bytes).subspan(sizeof(BlockHeader)));
  TRY(const Block block, blocks_.append_encoded(BlockType::Commit, bytes, sizeof(commit), hash));
  if (output_.target() == Output::Target::BlockDevice && block.end() != output_.device_bytes()) {
    TRY_OK(output_.write_at(output_.device_bytes() - kCommitBytes, bytes));
  }
  return {};
}

Result<void> Writer::finish(const Totals& totals) {
  ChunkJob rest;
  if (chunk_.pages.page_count > 0) close_chunk(rest);
  TRY_OK(encode(rest));
  TRY_OK(append(rest));
  TRY_OK(append_index());
  if (options_.late_records) {
    for (const Record& record : options_.late_records()) TRY_OK(append_record(record));
  }
  TRY_OK(append_salvaged(totals));
  const auto swapped = swapped_record_in(source_.records());
  statistics_.swapped_is_exact = !swapped || swapped->exact;
  TRY(const Block root, append_root(totals));
  TRY_OK(output_.flush());
  TRY_OK(append_commit(root));
  TRY_OK(output_.publish());
  statistics_.stored_pages = index_.slots();
  statistics_.present_pages = totals.pages.present();
  statistics_.keeps_swapped = keeps_swapped_;
  statistics_.swapped_pages = totals.swapped.present();
  statistics_.page_size = page_size_;
  statistics_.file_bytes = output_.position();
  statistics_.root_hash = root.payload_hash;
  return {};
}

}  // namespace

std::uint32_t pages_of_chunk(std::uint32_t kib, std::uint32_t page_size) {
  return std::clamp<std::uint32_t>(std::min(kib, kMaxChunkKib) * 1024 / page_size, 1, kMaxChunkPages);
}

WriteReport ImageWriter::report() const {
  const WriterStatistics& s = statistics_;
  WriteReport report;
  // One field after the other: when memory runs out in the middle of a nested list, GCC 12 destroys fields
  // that it has not made.
  const auto add = [&](const char* name, FieldValue value) {
    report.facts.push_back({name, std::move(value)});
  };
  add("file_bytes", s.file_bytes);
  add("root_hash", to_hex(s.root_hash));
  add("stored_pages", s.stored_pages);
  add("filled_pages", s.filled_pages);
  add("equal_pages", s.equal_pages);
  add("base_pages", s.base_pages);
  if (s.keeps_swapped) add("swapped_slots", s.swapped_pages);
  std::string line = fmt::format("stored {} pages ({} equal to another, {} of one byte",
                                 grouped(s.stored_pages), grouped(s.equal_pages), grouped(s.filled_pages));
  if (has_base_) line += fmt::format(", {} as in the base", grouped(s.base_pages));
  line += fmt::format(") in {}", human_bytes(s.file_bytes));
  if (s.file_bytes > 0) {
    const auto memory = static_cast<double>(s.present_pages * s.page_size);
    line += fmt::format(", 1/{:.1f} of the memory", memory / static_cast<double>(s.file_bytes));
  }
  report.lines.push_back(std::move(line));
  if (s.keeps_swapped) {
    std::string pages = counted(s.swapped_pages, "swapped-out page") + " beside the memory";
    if (!s.swapped_is_exact) pages = "at most " + pages + ": which slots are in use could not be read";
    report.lines.push_back(std::move(pages));
  }
  report.lines.push_back("root hash " + to_hex(s.root_hash));
  return report;
}

std::unique_ptr<ImageWriter> make_writer(Output& output, const ImageReader& source,
                                         std::vector<Record> records, const WriterOptions& options) {
  return std::make_unique<Writer>(output, source, std::move(records), options);
}

Result<void> write_claim(Output& device, const std::vector<Breadcrumb>& breadcrumbs) {
  TRY_OK(forget_earlier_image(device));
  FileHeader h = plain_header(4096, kMaxChunkPages);
  seal(h);
  TRY_OK(device.append(object_bytes(h)));
  TRY_OK(device.append(encode_breadcrumbs(breadcrumbs, kBreadcrumbBytes)));
  TRY_OK(device.append(std::vector<std::byte>(sizeof(BlockHeader))));  // no first block
  return device.flush();
}

}  // namespace hib::hib_image
