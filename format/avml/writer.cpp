#include "format/avml/writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "format/avml/layout.h"
#include "lib/codec/snappy_frame.h"

namespace hib::avml {
namespace {

using Bytes = std::vector<std::byte>;

// A batch becomes blocks of its own, one for each stretch of pages: so lost pages are left out, and batches
// are compressed apart. Where pages are filled with one byte for longer than a block, the block is compressed
// once.
struct AvmlJob final : PageSink::Job {
  struct Block {
    Pfn first = 0;
    std::uint64_t pages = 0;
    std::shared_ptr<const Bytes> stream;
  };
  std::shared_ptr<const PageBatch> batch;
  std::vector<Block> blocks;
};

class Writer final : public PageSink {
 public:
  Writer(Output& output, std::uint32_t page_size) : output_(output), page_size_(page_size) {}

  Result<void> begin() override { return {}; }

  Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) override {
    auto job = std::make_unique<AvmlJob>();
    job->batch = std::move(batch);
    return std::unique_ptr<Job>(std::move(job));
  }

  Result<void> encode(Job& job) override {
    Encoder(static_cast<AvmlJob&>(job), page_size_).run();
    return {};
  }

  Result<void> append(Job& job) override {
    for (const AvmlJob::Block& block : static_cast<AvmlJob&>(job).blocks) {
      BlockHeader header;
      header.magic = kMagic;
      header.version = kVersion;
      header.start = block.first * page_size_;
      header.last = (block.first + block.pages) * page_size_ - 1;
      header.padding = 0;
      TRY_OK(output_.append(object_bytes(header)));
      TRY_OK(output_.append(*block.stream));
      TRY_OK(output_.append(object_bytes(BlockTrailer{le64(block.stream->size())})));
    }
    return {};
  }

  Result<void> finish(const Totals&) override { return output_.publish(); }

 private:
  class Encoder {
   public:
    Encoder(AvmlJob& job, std::uint32_t page_size) : job_(job), page_size_(page_size) {}

    void run() {
      for (const PageItem& item : job_.batch->items) {
        if (item.run.state == PageState::Data) add(item.run.first, ByteView(item.bytes, page_size_));
        if (item.run.state == PageState::Fill) add_fill(item.run);
      }
      end_block();
      job_.batch.reset();
    }

   private:
    std::uint64_t most_pages() const { return kMaxWrittenBlock / page_size_; }

    void add(Pfn pfn, ByteView page) {
      const bool goes_on = block_.pages > 0 && pfn == block_.first + block_.pages;
      if (!goes_on || block_.pages == most_pages()) begin_block(pfn);
      content_.insert(content_.end(), page.begin(), page.end());
      ++block_.pages;
      if (content_.size() == kSnappyChunkContent) end_chunk();
    }

    void add_fill(PageRun run) {
      if (run.count >= most_pages()) end_block();
      for (; run.count >= most_pages(); run.first += most_pages(), run.count -= most_pages())
        job_.blocks.push_back({run.first, most_pages(), filled(run.fill)});
      const Bytes page(page_size_, static_cast<std::byte>(run.fill));
      for (Pfn pfn = run.first; pfn < run.end(); ++pfn) add(pfn, page);
    }

    // The stream of a whole block of one byte.
    std::shared_ptr<const Bytes> filled(std::uint8_t fill) {
      if (filled_ && fill_ == fill) return filled_;
      const Bytes content(kSnappyChunkContent, static_cast<std::byte>(fill));
      Bytes chunk;
      append_snappy_chunk(content, chunk);
      auto stream = std::make_shared<Bytes>();
      append_snappy_identifier(*stream);
      for (std::uint64_t i = 0; i < kMaxWrittenBlock / kSnappyChunkContent; ++i)
        stream->insert(stream->end(), chunk.begin(), chunk.end());
      fill_ = fill;
      filled_ = std::move(stream);
      return filled_;
    }

    void begin_block(Pfn first) {
      end_block();
      block_ = {first, 0, nullptr};
      stream_ = std::make_shared<Bytes>();
      append_snappy_identifier(*stream_);
    }

    void end_block() {
      if (block_.pages == 0) return;
      end_chunk();
      block_.stream = std::move(stream_);
      job_.blocks.push_back(std::exchange(block_, {}));
    }

    void end_chunk() {
      if (!content_.empty()) append_snappy_chunk(content_, *stream_);
      content_.clear();
    }

    AvmlJob& job_;
    const std::uint32_t page_size_;
    AvmlJob::Block block_;
    std::shared_ptr<Bytes> stream_;
    Bytes content_;  // of the chunk that is being filled
    std::shared_ptr<const Bytes> filled_;
    std::uint8_t fill_ = 0;
  };

  Output& output_;
  const std::uint32_t page_size_;
};

}  // namespace

Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions&) {
  if (source.info().pages.present() == 0) {
    return fail(
        make_error(ErrorKind::Unsupported, "AVML dump", "no page", "at least one: it begins with a block")
            .of(output.path()));
  }
  return std::unique_ptr<PageSink>(new Writer(output, source.info().page_size));
}

}  // namespace hib::avml
