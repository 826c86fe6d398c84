#include "lib/image/swapped.h"

#include <algorithm>

namespace hib {
namespace {

// What is added; modulo 2^64 that moves down too.
std::uint64_t offset_of(Shift direction) {
  return direction == Shift::ToNumbers ? kFirstSwapped : 0 - kFirstSwapped;
}

class ShiftedRuns final : public RunSource {
 public:
  ShiftedRuns(std::unique_ptr<RunSource> runs, Shift direction)
      : runs_(std::move(runs)), by_(offset_of(direction)) {}
  Result<std::optional<PageRun>> next() override {
    TRY(auto run, runs_->next());
    if (run) run->first += by_;
    return run;
  }

 private:
  std::unique_ptr<RunSource> runs_;
  std::uint64_t by_;
};

class ShiftedBatches final : public BatchSource {
 public:
  ShiftedBatches(std::unique_ptr<BatchSource> batches, Shift direction)
      : batches_(std::move(batches)), direction_(direction) {}
  Result<bool> next(PageBatch& batch) override {
    TRY(const bool more, batches_->next(batch));
    if (more) shift(batch, direction_);
    return more;
  }

 private:
  std::unique_ptr<BatchSource> batches_;
  Shift direction_;
};

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
    return swapped_->next();
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
    return more;
  }

 private:
  std::unique_ptr<BatchSource> memory_;  // null: at its end
  std::unique_ptr<BatchSource> swapped_;
  std::uint64_t number_ = 0;
};

}  // namespace

void shift(PageBatch& batch, Shift direction) {
  const std::uint64_t by = offset_of(direction);
  for (PageRun& run : batch.runs) run.first += by;
  for (PageItem& item : batch.items) item.run.first += by;
  for (Damage& damage : batch.damage) {
    for (PfnRange& range : damage.lost_pfns) range.first += by;
  }
}

std::unique_ptr<RunSource> shifted(std::unique_ptr<RunSource> runs, Shift direction) {
  return std::make_unique<ShiftedRuns>(std::move(runs), direction);
}

std::unique_ptr<BatchSource> shifted(std::unique_ptr<BatchSource> batches, Shift direction) {
  return std::make_unique<ShiftedBatches>(std::move(batches), direction);
}

Result<std::unique_ptr<RunSource>> WithSwapped::runs() const {
  if (swapped_ == nullptr) return below().runs();
  TRY(auto memory, below().runs());
  TRY(auto swapped, swapped_->runs());
  return std::unique_ptr<RunSource>(
      std::make_unique<RunsOfBoth>(std::move(memory), shifted(std::move(swapped), Shift::ToNumbers)));
}

Result<std::unique_ptr<BatchSource>> WithSwapped::batches() const {
  if (swapped_ == nullptr) return below().batches();
  TRY(auto memory, below().batches());
  TRY(auto swapped, swapped_->batches());
  return std::unique_ptr<BatchSource>(
      std::make_unique<BatchesOfBoth>(std::move(memory), shifted(std::move(swapped), Shift::ToNumbers)));
}

void WithSwapped::load(PageBatch& batch) const {
  if (batch.runs.empty() || !is_swapped(batch.runs.front().first)) return below().load(batch);
  shift(batch, Shift::ToSlots);
  swapped_->load(batch);
  shift(batch, Shift::ToNumbers);
}

Result<void> WithSwapped::read_page(Pfn number, MutableBytes out) const {
  return is_swapped(number) && swapped_ != nullptr ? swapped_->read_page(number - kFirstSwapped, out)
                                                   : below().read_page(number, out);
}

}  // namespace hib
