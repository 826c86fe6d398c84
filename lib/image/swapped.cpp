#include "lib/image/swapped.h"

#include <algorithm>

namespace hib {
namespace {

// Adding modulo 2^64 moves down too.
void move(PageBatch& batch, std::uint64_t by) {
  for (PageRun& run : batch.runs) run.first += by;
  for (PageItem& item : batch.items) item.run.first += by;
  for (Damage& damage : batch.damage) {
    for (PfnRange& range : damage.lost_pfns) range.first += by;
  }
}

class RunsOfBoth final : public RunSource {
 public:
  RunsOfBoth(std::unique_ptr<RunSource> memory, std::unique_ptr<RunSource> swapped)
      : memory_(std::move(memory)), swapped_(std::move(swapped)) {}

  Result<std::optional<PageRun>> next() override {
    if (memory_ != nullptr) {
      TRY(auto run, memory_->next());
      if (run) return run;
      memory_.reset();
    }
    TRY(auto run, swapped_->next());
    if (run) run->first += kFirstSwapped;
    return run;
  }

 private:
  std::unique_ptr<RunSource> memory_;  // null: at its end
  std::unique_ptr<RunSource> swapped_;
};

class BatchesOfBoth final : public BatchSource {
 public:
  BatchesOfBoth(std::unique_ptr<BatchSource> memory, std::unique_ptr<BatchSource> swapped)
      : memory_(std::move(memory)), swapped_(std::move(swapped)) {}

  Result<bool> next(PageBatch& batch) override {
    if (memory_ != nullptr) {
      TRY(const bool more, memory_->next(batch));
      if (more) {
        batch.number = number_++;
        return true;
      }
      memory_.reset();
    }
    TRY(const bool more, swapped_->next(batch));
    batch.number = number_++;
    if (more) move_up(batch, kFirstSwapped);
    return more;
  }

 private:
  std::unique_ptr<BatchSource> memory_;  // null: at its end
  std::unique_ptr<BatchSource> swapped_;
  std::uint64_t number_ = 0;
};

}  // namespace

void move_up(PageBatch& batch, std::uint64_t by) { move(batch, by); }
void move_down(PageBatch& batch, std::uint64_t by) { move(batch, 0 - by); }

Result<std::unique_ptr<RunSource>> WithSwapped::runs() const {
  if (swapped_ == nullptr) return image_.runs();
  TRY(auto memory, image_.runs());
  TRY(auto swapped, swapped_->runs());
  return std::unique_ptr<RunSource>(std::make_unique<RunsOfBoth>(std::move(memory), std::move(swapped)));
}

Result<std::unique_ptr<BatchSource>> WithSwapped::batches() const {
  if (swapped_ == nullptr) return image_.batches();
  TRY(auto memory, image_.batches());
  TRY(auto swapped, swapped_->batches());
  return std::unique_ptr<BatchSource>(std::make_unique<BatchesOfBoth>(std::move(memory), std::move(swapped)));
}

void WithSwapped::load(PageBatch& batch) const {
  if (batch.runs.empty() || !is_swapped(batch.runs.front().first)) return image_.load(batch);
  move_down(batch, kFirstSwapped);
  swapped_->load(batch);
  move_up(batch, kFirstSwapped);
}

Result<void> WithSwapped::read_page(Pfn number, MutableBytes out) const {
  return is_swapped(number) && swapped_ != nullptr ? swapped_->read_page(number - kFirstSwapped, out)
                                                   : image_.read_page(number, out);
}

}  // namespace hib
