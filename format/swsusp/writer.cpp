#include "format/swsusp/writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/swsusp/swap_stream.h"
#include "format/swsusp/swapped_pages.h"
#include "lib/base/pool.h"
#include "lib/base/text.h"
#include "lib/codec/crc32.h"
#include "lib/codec/lz4.h"
#include "lib/codec/lzo.h"
#include "lib/image/linear_sink.h"

namespace hib::swsusp {
namespace {

Result<Codec> codec_named(const std::string& name) {
  if (name == "lzo") return Codec::Lzo;
  if (name == "lz4") return Codec::Lz4;
  if (name == "none") return Codec::None;
  return fail(make_error(ErrorKind::Usage, "--codec", name, "lzo, lz4 or none"));
}

// 32 pages on their way: where they lie, and who keeps them there.
struct Chunk {
  std::vector<const std::byte*> pages;
  std::vector<std::shared_ptr<const void>> owners;
  std::vector<std::byte> blocks;  // encoded: a whole number of blocks
  std::uint32_t crc = 0;
  std::uint64_t content_bytes = 0;
};

struct SwapJob final : PageSink::Job {
  std::vector<Chunk> chunks;
};

class SwapWriter final : public PageSink {
 public:
  SwapWriter(std::unique_ptr<SwapTarget> target, StreamPlan plan, const ImageReader* swapped, Codec codec,
             std::string codec_name)
      : target_(std::move(target)),
        plan_(std::move(plan)),
        swapped_(swapped),
        abi_(plan_.record.info.abi),
        codec_(codec),
        codec_name_(std::move(codec_name)),
        compressors_([] { return std::make_unique<LzoCompressor>(); }),
        fills_(256) {}

  Result<void> begin() override {
    TRY_OK(target_->begin());
    if (swapped_ != nullptr)
      TRY_OK(for_each_item(*swapped_, [this](const PageItem& item) { return put_slots(item); }));
    TRY(map_block_, target_->take_block());
    first_map_block_ = map_block_;
    map_page_.resize(abi_.page_size);
    TRY_OK(write_pages(plan_.info_page));
    SwapJob job;
    for (std::size_t at = 0; at < plan_.pfn_pages.size(); at += abi_.page_size)
      add_page(plan_.pfn_pages.data() + at, nullptr, job);
    for (Chunk& chunk : job.chunks) {
      encode_chunk(chunk);
      TRY_OK(append_chunk(chunk));
    }
    return {};
  }

  Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) override {
    auto job = std::make_unique<SwapJob>();
    for (const PageItem& item : batch->items) {
      switch (item.run.state) {
        case PageState::Data: add_page(item.bytes, batch, *job); break;
        case PageState::Fill:
          for (Pfn pfn = item.run.first; pfn < item.run.end(); ++pfn) {
            if (item.run.fill != 0 || plan_.stores(pfn)) add_page(fill_page(item.run.fill), nullptr, *job);
          }
          break;
        case PageState::Absent: break;
        case PageState::Unreadable:
          return fail(make_error(ErrorKind::Refused, "pages",
                                 fmt::format("{} from PFN {:#x} on are lost", item.run.count, item.run.first),
                                 "an image without loss: a kernel would resume into broken memory"));
      }
    }
    return std::unique_ptr<Job>(std::move(job));
  }

  Result<void> encode(Job& job) override {
    for (Chunk& chunk : static_cast<SwapJob&>(job).chunks) encode_chunk(chunk);
    return {};
  }

  Result<void> append(Job& job) override {
    for (Chunk& chunk : static_cast<SwapJob&>(job).chunks) TRY_OK(append_chunk(chunk));
    return {};
  }

  Result<void> finish(const Totals&) override {
    if (!pending_.pages.empty()) {
      encode_chunk(pending_);
      TRY_OK(append_chunk(pending_));
    }
    if (pages_written_ != plan_.record.info.pages) {
      return fail(make_error(ErrorKind::Corrupt, "pages", std::to_string(pages_written_),
                             fmt::format("{}, as planned", plan_.record.info.pages)));
    }
    TRY_OK(target_->write_block(map_block_, map_page_));  // next_swap 0: the last
    Header header = target_->header();
    header.orig_sig = std::string(header.state == State::Armed ? header.orig_sig : header.sig);
    header.sig = std::string(kSigArmed);
    header.image = first_map_block_;
    header.flags = (plan_.record.flags & (kFlagPlatform | kFlagHwSig)) | codec_flags();
    header.hw_sig = (header.flags & kFlagHwSig) != 0 ? plan_.record.hw_sig : 0;
    header.crc32 = codec_ == Codec::None ? 0 : crc_ ^ 0xFFFFFFFF;
    return target_->arm(header);
  }

  WriteReport report() const override {
    WriteReport report;
    report.facts.push_back({"codec", codec_name_});
    report.facts.push_back({"blocks", blocks_});
    report.facts.push_back({"resume_offset", target_->header_block()});
    report.lines.push_back(
        fmt::format("armed: {} in {} blocks{}; resume_offset {}", codec_name_, grouped(blocks_),
                    target_->place().empty() ? "" : " of " + target_->place(), target_->header_block()));
    if (swapped_ != nullptr) {
      report.facts.push_back({"swapped_slots", swapped_pages_});
      report.facts.push_back({"swapped_slots_written", swapped_written_});
      report.lines.push_back(fmt::format("{} in their slots, {} of them there already",
                                         counted(swapped_pages_, "swapped-out page"),
                                         grouped(swapped_pages_ - swapped_written_)));
    }
    return report;
  }

 private:
  // Each into its own slot; the image goes around them.
  Result<void> put_slots(const PageItem& item) {
    if (!item.run.is_present()) return {};
    const std::byte* page = item.run.state == PageState::Data ? item.bytes : fill_page(item.run.fill);
    for (std::uint64_t slot = item.run.first; slot < item.run.end(); ++slot) {
      TRY(const bool written, target_->put_slot(slot, {page, abi_.page_size}));
      ++swapped_pages_;
      swapped_written_ += written ? 1 : 0;
    }
    return {};
  }

  std::uint32_t codec_flags() const {
    switch (codec_) {
      case Codec::None: return kFlagNoCompress;
      case Codec::Lzo: return kFlagCrc;
      case Codec::Lz4: return kFlagCrc | kFlagLz4;
    }
    return 0;
  }

  void add_page(const std::byte* page, const std::shared_ptr<const void>& owner, SwapJob& job) {
    pending_.pages.push_back(page);
    if (owner != nullptr && (pending_.owners.empty() || pending_.owners.back() != owner))
      pending_.owners.push_back(owner);
    if (pending_.pages.size() < kChunkPages) return;
    job.chunks.push_back(std::move(pending_));
    pending_ = {};
  }

  const std::byte* fill_page(std::uint8_t value) {
    auto& page = fills_[value];
    if (page.empty()) page.assign(abi_.page_size, static_cast<std::byte>(value));
    return page.data();
  }

  // The length, the compressed bytes, zeros up to a whole block.
  void encode_chunk(Chunk& chunk) {
    std::vector<std::byte> content(chunk.pages.size() * abi_.page_size);
    for (std::size_t i = 0; i < chunk.pages.size(); ++i)
      std::memcpy(content.data() + i * abi_.page_size, chunk.pages[i], abi_.page_size);
    chunk.content_bytes = content.size();
    if (codec_ == Codec::None) {
      chunk.blocks = std::move(content);
    } else {
      chunk.crc = crc32(content);
      const std::size_t bound =
          codec_ == Codec::Lzo ? LzoCompressor::bound(content.size()) : lz4_bound(content.size());
      chunk.blocks.resize(abi_.word_bytes + bound);
      const MutableBytes out = MutableBytes(chunk.blocks).subspan(abi_.word_bytes);
      const std::size_t size =
          codec_ == Codec::Lzo ? compressors_.take()->compress(content, out) : lz4_compress(content, out);
      abi_.put_word(chunk.blocks, 0, size);
      std::fill(chunk.blocks.begin() + static_cast<std::ptrdiff_t>(abi_.word_bytes + size),
                chunk.blocks.end(), std::byte{0});
      chunk.blocks.resize(round_up(abi_.word_bytes + size, abi_.page_size));
    }
    chunk.owners.clear();
  }

  Result<void> append_chunk(const Chunk& chunk) {
    if (codec_ != Codec::None) crc_ = crc32_join(crc_, chunk.crc, chunk.content_bytes);
    pages_written_ += chunk.content_bytes / abi_.page_size;
    return write_blocks(chunk.blocks);
  }

  Result<void> write_pages(ByteView pages) {
    pages_written_ += pages.size() / abi_.page_size;
    return write_blocks(pages);
  }

  // Whole blocks to wherever there is room, neighbours in one write.
  Result<void> write_blocks(ByteView bytes) {
    while (!bytes.empty()) {
      TRY(const std::uint64_t first, next_entry());
      std::uint64_t count = 1;
      while (count * abi_.page_size < bytes.size()) {
        TRY(const std::uint64_t block, next_entry());
        if (block != first + count) {
          TRY_OK(target_->write_blocks(first, bytes.first(count * abi_.page_size)));
          TRY_OK(write_rest(block, bytes.subspan(count * abi_.page_size)));
          return {};
        }
        ++count;
      }
      TRY_OK(target_->write_blocks(first, bytes.first(count * abi_.page_size)));
      bytes = bytes.subspan(count * abi_.page_size);
    }
    return {};
  }

  // Block by block, where the blocks are not neighbours.
  Result<void> write_rest(std::uint64_t block, ByteView bytes) {
    for (;;) {
      TRY_OK(target_->write_block(block, bytes.first(abi_.page_size)));
      bytes = bytes.subspan(abi_.page_size);
      if (bytes.empty()) return {};
      TRY(block, next_entry());
    }
  }

  // A block for the stream, entered into the map.
  Result<std::uint64_t> next_entry() {
    if (entries_ == abi_.map_entries()) {
      TRY(const std::uint64_t next, target_->take_block());
      abi_.put<std::uint64_t>(map_page_, abi_.page_size - kMapEntryBytes, next);
      TRY_OK(target_->write_block(map_block_, map_page_));
      std::fill(map_page_.begin(), map_page_.end(), std::byte{0});
      map_block_ = next;
      entries_ = 0;
      ++blocks_;
    }
    TRY(const std::uint64_t block, target_->take_block());
    abi_.put<std::uint64_t>(map_page_, entries_++ * kMapEntryBytes, block);
    ++blocks_;
    return block;
  }

  std::unique_ptr<SwapTarget> target_;
  StreamPlan plan_;
  const ImageReader* swapped_;  // null: none
  std::uint64_t swapped_pages_ = 0;
  std::uint64_t swapped_written_ = 0;
  Abi abi_;
  Codec codec_;
  std::string codec_name_;
  std::uint64_t blocks_ = 1;  // taken; one for the first map page
  Pool<LzoCompressor> compressors_;
  std::vector<std::vector<std::byte>> fills_;  // pages of one byte, made when first needed
  Chunk pending_;
  std::vector<std::byte> map_page_;
  std::uint64_t map_block_ = 0;
  std::uint64_t first_map_block_ = 0;
  std::uint64_t entries_ = 0;
  std::uint64_t pages_written_ = 0;
  std::uint32_t crc_ = 0xFFFFFFFF;
};

}  // namespace

Result<std::unique_ptr<PageSink>> make_swap_writer(std::unique_ptr<SwapTarget> target, StreamPlan plan,
                                                   const ImageReader* swapped,
                                                   const std::string& codec_name) {
  const std::string name = codec_name.empty() ? plan.record.codec : codec_name;
  TRY(const Codec codec, codec_named(name));
  const std::uint64_t least = codec == Codec::None ? plan.record.info.pages + 1 : 3;
  if (target->free_blocks() < least) {
    return fail(make_error(ErrorKind::Refused, "output",
                           fmt::format("room for {} pages", target->free_blocks()),
                           fmt::format("at least {}", least))
                    .advise("a larger swap area, or another --codec"));
  }
  return std::unique_ptr<PageSink>(
      std::make_unique<SwapWriter>(std::move(target), std::move(plan), swapped, codec, name));
}

Result<std::unique_ptr<PageSink>> make_snapshot_writer(Output& output, const StreamPlan& plan) {
  const std::uint32_t page_size = plan.record.info.abi.page_size;
  LinearLayout layout;
  layout.page_size = page_size;
  layout.pieces.push_back({0, plan.info_page, 0, 0});
  layout.pieces.push_back({page_size, plan.pfn_pages, 0, 0});
  std::uint64_t offset = page_size + plan.pfn_pages.size();
  for (const PageRun& run : plan.data_runs) {
    layout.pieces.push_back({offset, {}, run.first, run.count});
    offset += run.count * page_size;
  }
  layout.file_bytes = offset;
  return make_linear_sink(output, std::move(layout));
}

}  // namespace hib::swsusp
