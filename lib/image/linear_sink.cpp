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

  // Nothing to do in parallel: the kernel lets one thread at a time write to a file, and threads that wait
  // for it spin.
  Result<void> encode(Job&) override { return {}; }

  Result<void> append(Job& job) override { return write_items(*static_cast<LinearJob&>(job).batch); }

  Result<void> finish(const Totals&) override {
    if (!output_.can_write_at()) TRY_OK(advance_to(layout_.file_bytes));
    return output_.publish();
  }

 private:
  Result<void> write_items(const PageBatch& batch) {
    std::vector<ByteView> pages;  // of a run of adjacent PFNs that ends before `next`
    Pfn next = 0;
    const auto flush = [&]() -> Result<void> {
      TRY_OK(write_run(next - pages.size(), pages));
      pages.clear();
      return {};
    };
    for (const PageItem& item : batch.items) {
      if (item.run.state != PageState::Data || item.run.first != next) TRY_OK(flush());
      if (item.run.state == PageState::Data) pages.emplace_back(item.bytes, layout_.page_size);
      if (item.run.state == PageState::Fill) TRY_OK(write_fill(item.run));
      next = item.run.end();
    }
    return flush();
  }

  // Pages of adjacent PFNs, each piece a page.
  Result<void> write_run(Pfn first, std::span<const ByteView> pages) {
    while (!pages.empty()) {
      const LayoutPiece* piece = piece_of(first);
      const std::uint64_t count =
          piece == nullptr ? 1
                           : std::min<std::uint64_t>(pages.size(), piece->first + piece->page_count - first);
      if (piece != nullptr)
        TRY_OK(write(piece->offset + (first - piece->first) * layout_.page_size, pages.first(count)));
      pages = pages.subspan(count);
      first += count;
    }
    return {};
  }

  // Zero pages are holes already, except on a device, which has old bytes.
  Result<void> write_fill(const PageRun& run) {
    if (run.fill == 0 && output_.target() != Output::Target::BlockDevice) return {};
    const std::vector<std::byte> page(layout_.page_size, static_cast<std::byte>(run.fill));
    const std::vector<ByteView> pages(std::min<std::uint64_t>(run.count, kBatchPages), ByteView(page));
    for (std::uint64_t done = 0; done < run.count; done += pages.size()) {
      TRY_OK(write_run(run.first + done,
                       std::span(pages).first(std::min<std::uint64_t>(pages.size(), run.count - done))));
    }
    return {};
  }

  Result<void> write(std::uint64_t offset, std::span<const ByteView> pages) {
    if (output_.can_write_at()) return output_.write_at(offset, pages);
    TRY_OK(advance_to(offset));
    for (const ByteView page : pages) TRY_OK(output_.append(page));
    return {};
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
    const auto it = std::upper_bound(
        page_pieces_.begin(), page_pieces_.end(), pfn,
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

}  // namespace hib
