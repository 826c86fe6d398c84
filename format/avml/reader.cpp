#include "format/avml/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/avml/blocks.h"
#include "lib/base/cursor.h"
#include "lib/base/pool.h"
#include "lib/base/text.h"
#include "lib/image/input.h"
#include "lib/image/runs.h"

namespace hib::avml {
namespace {

// A stretch of memory that lies in one block.
struct Piece {
  std::uint64_t physical = 0;
  std::uint64_t bytes = 0;
  std::uint64_t content = 0;  // offset in the block's memory
  std::size_t block = 0;
  bool is_readable = true;

  std::uint64_t end() const { return physical + bytes; }
};

class Reader final : public ImageReader {
 public:
  static Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file,
                                                   const OpenOptions& options);

  const ImageInfo& info() const override { return info_; }
  const std::vector<Record>& records() const override { return records_; }
  Result<std::unique_ptr<RunSource>> runs() const override { return source_of(runs_); }
  void load(PageBatch& batch) const override;
  Result<void> read_page(Pfn pfn, MutableBytes out) const override;
  Result<RangeMap> map() const override;
  StructureCheck check_structure() const override;

 private:
  struct Buffers {
    std::vector<std::byte> packed;
    std::vector<std::byte> content;
  };
  // What could not be read of a stretch of memory.
  struct Lost {
    std::uint64_t from = 0;  // physical
    std::uint64_t to = 0;
    Error error;
  };

  Reader(std::shared_ptr<const File> file, BlockList list)
      : file_(std::move(file)), blocks_(std::move(list.blocks)) {
    info_.damage = std::move(list.damage);
  }
  void fill_info(const OpenOptions& options);
  void find_pieces();
  void find_runs();
  std::vector<Lost> read(std::uint64_t start, MutableBytes out) const;
  void read_piece(const Piece& piece, std::uint64_t from, MutableBytes out, std::vector<Lost>& lost) const;
  void read_chunks(const Piece& piece, const Chunk* first, const Chunk* last, std::uint64_t from,
                   MutableBytes out, std::vector<Lost>& lost) const;
  std::optional<Error> decode(const Block& block, const Chunk& chunk, ByteView body, MutableBytes out) const;
  void add_items(const PageRun& run, ByteView bytes, const std::vector<Lost>& lost, PageBatch& batch) const;

  std::shared_ptr<const File> file_;
  std::vector<Block> blocks_;
  ChunkTable chunks_{*file_, blocks_};
  ImageInfo info_;
  std::vector<Record> records_;
  std::vector<Piece> pieces_;  // by address, disjoint
  std::vector<PageRun> runs_;
  mutable Pool<Buffers> buffers_{[] { return std::make_unique<Buffers>(); }};
};

// ---- open

Result<std::unique_ptr<ImageReader>> Reader::open(std::shared_ptr<const File> file,
                                                  const OpenOptions& options) {
  TRY(BlockList list, find_blocks(*file));
  auto reader = std::unique_ptr<Reader>(new Reader(std::move(file), std::move(list)));
  reader->fill_info(options);
  reader->find_pieces();
  reader->find_runs();
  return std::unique_ptr<ImageReader>(std::move(reader));
}

void Reader::fill_info(const OpenOptions& options) {
  info_.format = "avml";
  info_.variant = "AVML 2, " + counted(blocks_.size(), "block");
  info_.page_size = options.page_size;
  info_.codec = "snappy";
  info_.integrity_algorithm = "crc32c";
  for (const Damage& damage : info_.damage) {
    info_.state = ImageState::Incomplete;
    info_.findings.push_back(
        {"broken-block", Severity::Error, damage.error.offset.value_or(0), damage.error.text()});
  }
  describe_input(*file_, info_);
}

void Reader::find_pieces() {
  std::vector<std::size_t> order(blocks_.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return blocks_[a].start < blocks_[b].start; });
  std::uint64_t end = 0;
  for (const std::size_t i : order) {
    const Block& block = blocks_[i];
    const std::uint64_t cut = block.start < end ? std::min(end - block.start, block.bytes) : 0;
    if (cut > 0) {
      info_.findings.push_back(
          {"overlap", Severity::Warning, block.offset,
           fmt::format(
               "the block at {:#x} repeats {} of memory from {:#x} on; the one that starts lower counts",
               block.offset, human_bytes(cut), block.start)});
    }
    const std::uint64_t readable = std::max(cut, block.readable);
    const auto add = [&](std::uint64_t from, std::uint64_t to, bool is_readable) {
      if (from < to) pieces_.push_back({block.start + from, to - from, from, i, is_readable});
    };
    add(cut, readable, true);
    add(readable, block.bytes, false);
    end = std::max(end, block.start + block.bytes);
  }
}

void Reader::find_runs() {
  const std::uint64_t page = info_.page_size;
  for (const Piece& piece : pieces_) {
    PageRun run{piece.physical / page, 0, piece.is_readable ? PageState::Data : PageState::Unreadable, 0};
    const Pfn end = (piece.end() + page - 1) / page;
    if (!runs_.empty() && runs_.back().end() > run.first) {  // a page that two pieces share
      if (run.state == PageState::Data || runs_.back().state == PageState::Unreadable) {
        ++run.first;
      } else if (--runs_.back().count == 0) {
        runs_.pop_back();
      }
    }
    if (run.first >= end) continue;
    run.count = end - run.first;
    append_run(runs_, run);
  }
  for (const PageRun& run : runs_) info_.pages.add(run);
  if (!runs_.empty()) info_.end_pfn = runs_.back().end();
}

// ---- pages

void Reader::load(PageBatch& batch) const {
  std::uint64_t pages = 0;
  for (const PageRun& run : batch.runs) pages += run.state == PageState::Data ? run.count : 0;
  batch.buffer.resize(pages * info_.page_size);
  MutableBytes rest = batch.buffer;
  for (const PageRun& run : batch.runs) {
    if (run.state != PageState::Data) {
      batch.items.push_back({run, nullptr, {}});
      continue;
    }
    const MutableBytes out = rest.first(run.count * info_.page_size);
    rest = rest.subspan(out.size());
    add_items(run, out, read(run.first * info_.page_size, out), batch);
  }
}

Result<void> Reader::read_page(Pfn pfn, MutableBytes out) const {
  const auto run =
      std::upper_bound(runs_.begin(), runs_.end(), pfn, [](Pfn p, const PageRun& r) { return p < r.end(); });
  if (run == runs_.end() || pfn < run->first || !run->is_present()) {
    const bool known = run != runs_.end() && pfn >= run->first;
    return fail(make_error(ErrorKind::NoPage, fmt::format("page {:#x}", pfn),
                           known ? std::string(name_of(run->state)) : "in no block", "a page of the image")
                    .of(info_.path));
  }
  auto lost = read(pfn * info_.page_size, out);
  if (!lost.empty()) return fail(std::move(lost.front().error));
  return {};
}

// Memory from `start` on; bytes that no block holds, at the edge of memory inside a page, are zeros.
std::vector<Reader::Lost> Reader::read(std::uint64_t start, MutableBytes out) const {
  std::vector<Lost> lost;
  const std::uint64_t end = start + out.size();
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), start,
                                [](std::uint64_t p, const Piece& e) { return p < e.end(); });
  std::uint64_t position = start;
  for (; piece != pieces_.end() && piece->physical < end; ++piece) {
    if (!piece->is_readable) continue;
    const std::uint64_t from = std::max(start, piece->physical);
    const std::uint64_t to = std::min(end, piece->end());
    std::fill_n(out.data() + (position - start), from - position, std::byte{0});
    read_piece(*piece, from, out.subspan(from - start, to - from), lost);
    position = to;
  }
  std::fill_n(out.data() + (position - start), end - position, std::byte{0});
  return lost;
}

void Reader::read_piece(const Piece& piece, std::uint64_t from, MutableBytes out,
                        std::vector<Lost>& lost) const {
  const Block& block = blocks_[piece.block];
  const auto list = chunks_.of(piece.block);
  const std::uint64_t start = from - block.start;  // in the block's memory
  const std::uint64_t end = start + out.size();
  const auto first = std::partition_point(list->chunks.begin(), list->chunks.end(),
                                          [&](const Chunk& c) { return c.end() <= start; });
  const auto last =
      std::partition_point(first, list->chunks.end(), [&](const Chunk& c) { return c.content < end; });
  if (first != last) read_chunks(piece, &*first, &*first + (last - first), from, out, lost);
  if (end > list->bytes && list->error)
    lost.push_back({block.start + std::max(start, list->bytes), from + out.size(), *list->error});
}

// Chunks that lie together are read together, in pieces of about a batch.
void Reader::read_chunks(const Piece& piece, const Chunk* first, const Chunk* last, std::uint64_t from,
                         MutableBytes out, std::vector<Lost>& lost) const {
  constexpr std::uint64_t kMaxRead = 2U << 20;
  const Block& block = blocks_[piece.block];
  const auto buffers = buffers_.take();
  const std::uint64_t start = from - block.start;
  const std::uint64_t end = start + out.size();
  while (first != last) {
    const std::uint64_t offset = first->body;
    const Chunk* next = first + 1;
    while (next != last && next->body + next->head.body_bytes - offset <= kMaxRead) ++next;
    const std::uint64_t bytes = (next - 1)->body + (next - 1)->head.body_bytes - offset;
    const auto packed = file_->read_at(offset, bytes, buffers->packed);
    for (; first != next; ++first) {
      const std::uint64_t low = std::max(first->content, start);
      const std::uint64_t high = std::min(first->end(), end);
      const MutableBytes wanted = out.subspan(low - start, high - low);
      const bool is_whole = wanted.size() == first->head.content_bytes;
      if (!is_whole) buffers->content.resize(kSnappyChunkContent);
      const MutableBytes target =
          is_whole ? wanted : MutableBytes(buffers->content).first(first->head.content_bytes);
      std::optional<Error> error;
      if (!packed) error = packed.error();
      if (packed)
        error = decode(block, *first, packed->subspan(first->body - offset, first->head.body_bytes), target);
      if (error) lost.push_back({block.start + low, block.start + high, std::move(*error)});
      if (!error && !is_whole)
        std::memcpy(wanted.data(), target.data() + (low - first->content), wanted.size());
    }
  }
}

std::optional<Error> Reader::decode(const Block& block, const Chunk& chunk, ByteView body,
                                    MutableBytes out) const {
  auto result = decode_snappy_chunk(chunk.head, body, out);
  if (result) return std::nullopt;
  return std::move(result)
      .error()
      .in(fmt::format("memory from {:#x}", block.start + chunk.content))
      .at(chunk.body - kSnappyChunkHeader)
      .of(file_->path());
}

void Reader::add_items(const PageRun& run, ByteView bytes, const std::vector<Lost>& lost,
                       PageBatch& batch) const {
  const std::uint64_t page = info_.page_size;
  Pfn done = run.first;
  const auto add_good = [&](Pfn end) {
    if (end > done) {
      classify_pages(done, end - done, bytes.data() + (done - run.first) * page, info_.page_size,
                     batch.items);
    }
    done = std::max(done, end);
  };
  for (const Lost& stretch : lost) {  // ascending
    const Pfn first = std::max(stretch.from / page, done);
    const Pfn end = std::min((stretch.to + page - 1) / page, run.end());
    if (first >= end) continue;  // a page that is lost already
    add_good(first);
    batch.items.push_back({{first, end - first, PageState::Unreadable, 0}, nullptr, {}});
    batch.damage.push_back({stretch.error, {{first, end - first}}});
    done = end;
  }
  add_good(run.end());
}

// ---- map and check

Result<RangeMap> Reader::map() const {
  RangeMap map;
  for (const Block& block : blocks_) {
    map.add(block.offset, sizeof(BlockHeader), fmt::format("header of the block at {:#x}", block.start));
    map.add(block.stream(), block.stream_bytes, fmt::format("snappy stream of {}", human_bytes(block.bytes)));
    if (block.has_trailer) map.add(block.stream_end(), sizeof(BlockTrailer), "length of the stream");
  }
  return map;
}

StructureCheck Reader::check_structure() const {
  StructureCheck check;
  check.damage = info_.damage;
  std::uint64_t chunks = 0;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const Block& block = blocks_[i];
    const auto list = chunks_.of(i);
    chunks += list->chunks.size();
    // What lacks memory is said when its pages are read.
    if (block.has_trailer && list->error && list->bytes == block.bytes)
      check.damage.push_back({*list->error, {}});
  }
  const bool good = check.damage.empty();
  check.layers.push_back({"blocks", good ? LayerResult::Ok : LayerResult::Bad,
                          good ? info_.variant + ", " + counted(chunks, "chunk")
                               : counted(check.damage.size(), "broken place")});
  check.pages_have_checksums = true;
  return check;
}

}  // namespace

bool recognise(const FormatHead& head) {
  Cursor in(head.bytes, 0, "AVML header");
  const auto header = in.read<BlockHeader>("header");
  return header && header->magic == kMagic;
}

Result<std::unique_ptr<ImageReader>> open(std::shared_ptr<const File> file, const OpenOptions& options) {
  return Reader::open(std::move(file), options);
}

}  // namespace hib::avml
