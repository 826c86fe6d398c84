#include "lib/image/linear_sink.h"

#include <algorithm>

namespace hib {
namespace {

struct LinearJob final : PageSink::Job {
  std::shared_ptr<const PageBatch> batch;
};

class LinearSink final : public PageSink {
 public:
  LinearSink(Output& output, LinearLayout layout) : output_(output), layout_(std::move(layout)) {}

  Result<void> begin() override {
    if (!output_.can_write_at()) return {};
    TRY_OK(output_.set_size(layout_.file_bytes));
    for (const LayoutPiece& piece : layout_.pieces) {
      if (piece.page_count == 0) TRY_OK(output_.write_at(piece.offset, piece.literal));
    }
    return {};
  }

  Result<std::unique_ptr<Job>> plan(std::shared_ptr<const PageBatch> batch) override {
    auto job = std::make_unique<LinearJob>();
    job->batch = std::move(batch);
    return std::unique_ptr<Job>(std::move(job));
  }

  // Where the output can be written anywhere, no order is needed and this is the whole work.
  Result<void> encode(Job& job) override {
    if (!output_.can_write_at()) return {};
    TRY_OK(write_items(*static_cast<LinearJob&>(job).batch));
    static_cast<LinearJob&>(job).batch.reset();
    return {};
  }

  Result<void> append(Job& job) override {
    if (output_.can_write_at()) return {};
    return write_items(*static_cast<LinearJob&>(job).batch);
  }

  Result<void> finish(const Totals&) override {
    if (!output_.can_write_at()) TRY_OK(advance_to(layout_.file_bytes));
    return output_.publish();
  }

 private:
  Result<void> write_items(const PageBatch& batch) {
    for (std::size_t i = 0; i < batch.items.size();) {
      const PageItem& item = batch.items[i];
      if (item.run.state == PageState::Data) {
        const std::size_t next = end_of_adjacent(batch, i);
        TRY_OK(write_run(item.run.first, {item.bytes, (next - i) * layout_.page_size}));
        i = next;
        continue;
      }
      if (item.run.state == PageState::Fill) TRY_OK(write_fill(item.run));
      ++i;
    }
    return {};
  }

  // Pages that follow each other both in memory and in the batch are one write.
  std::size_t end_of_adjacent(const PageBatch& batch, std::size_t i) const {
    std::size_t next = i + 1;
    while (next < batch.items.size() && batch.items[next].run.state == PageState::Data &&
           batch.items[next].run.first == batch.items[next - 1].run.first + 1 &&
           batch.items[next].bytes == batch.items[next - 1].bytes + layout_.page_size) {
      ++next;
    }
    return next;
  }

  Result<void> write_run(Pfn first, ByteView bytes) {
    while (!bytes.empty()) {
      const LayoutPiece* piece = piece_of(first);
      if (piece == nullptr) {
        bytes = bytes.subspan(layout_.page_size);
        ++first;
        continue;
      }
      const std::uint64_t pages = std::min<std::uint64_t>(bytes.size() / layout_.page_size, piece->first + piece->page_count - first);
      TRY_OK(write(piece->offset + (first - piece->first) * layout_.page_size, bytes.first(pages * layout_.page_size)));
      bytes = bytes.subspan(pages * layout_.page_size);
      first += pages;
    }
    return {};
  }

  // Zero pages are holes already, except on a device, which has old bytes.
  Result<void> write_fill(const PageRun& run) {
    if (run.fill == 0 && output_.target() != Output::Target::BlockDevice) return {};
    const std::uint64_t step = std::min<std::uint64_t>(run.count, kBatchPages);
    const std::vector<std::byte> bytes(step * layout_.page_size, static_cast<std::byte>(run.fill));
    for (std::uint64_t done = 0; done < run.count; done += step) {
      const std::uint64_t pages = std::min(step, run.count - done);
      TRY_OK(write_run(run.first + done, ByteView(bytes).first(pages * layout_.page_size)));
    }
    return {};
  }

  Result<void> write(std::uint64_t offset, ByteView bytes) {
    if (output_.can_write_at()) return output_.write_at(offset, bytes);
    TRY_OK(advance_to(offset));
    return output_.append(bytes);
  }

  // Streams: headers and zeros up to `offset`.
  Result<void> advance_to(std::uint64_t offset) {
    while (next_literal_ < layout_.pieces.size() && layout_.pieces[next_literal_].offset <= offset) {
      const LayoutPiece& piece = layout_.pieces[next_literal_++];
      if (piece.page_count != 0) continue;
      TRY_OK(output_.append_zeros(piece.offset - output_.position()));
      TRY_OK(output_.append(piece.literal));
    }
    return output_.append_zeros(offset - output_.position());
  }

  const LayoutPiece* piece_of(Pfn pfn) const {
    const auto it = std::upper_bound(page_pieces_.begin(), page_pieces_.end(), pfn,
                                     [](Pfn p, const LayoutPiece* piece) { return p < piece->first + piece->page_count; });
    return it != page_pieces_.end() && pfn >= (*it)->first ? *it : nullptr;
  }

  static std::vector<const LayoutPiece*> pages_of(const LinearLayout& layout) {
    std::vector<const LayoutPiece*> pages;
    for (const LayoutPiece& piece : layout.pieces) {
      if (piece.page_count != 0) pages.push_back(&piece);
    }
    return pages;
  }

  Output& output_;
  const LinearLayout layout_;
  const std::vector<const LayoutPiece*> page_pieces_ = pages_of(layout_);  // in PFN order
  std::size_t next_literal_ = 0;
};

}  // namespace

std::unique_ptr<PageSink> make_linear_sink(Output& output, LinearLayout layout) {
  return std::make_unique<LinearSink>(output, std::move(layout));
}

Result<std::vector<PageRun>> present_runs(const ImageReader& source) {
  TRY(auto runs, source.runs());
  std::vector<PageRun> joined;
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return joined;
    if (!run->is_present()) continue;
    if (!joined.empty() && joined.back().end() == run->first) {
      joined.back().count += run->count;
    } else {
      joined.push_back({run->first, run->count, PageState::Data, 0});
    }
  }
}

}  // namespace hib
