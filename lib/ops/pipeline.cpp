#include "lib/ops/pipeline.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_pipeline.h>
#include <oneapi/tbb/task_arena.h>

#include "lib/base/pool.h"
#include "lib/base/text.h"
#include "lib/codec/hash.h"
#include "lib/image/content_digest.h"
#include "lib/image/format.h"
#include "lib/image/runs.h"
#include "lib/image/swapped.h"
#include "lib/os/cancel.h"

namespace hib {
namespace {

// Batches under way at once. Each is about 1 MiB of pages and as much again in a sink's hands: memory stays
// bounded on a machine with many processors too.
constexpr std::size_t kBatchesPerThread = 3;
constexpr std::size_t kMaxBatches = 24;

// A hostile image must not turn the list of broken places into a memory problem.
constexpr std::size_t kMaxDamage = 100000;

// TBB orders the stages, and the items in a serial stage. TSan cannot see TBB's ordering. Repeating it with
// an atomic per item and stage removes its false reports; no measurable cost.
class Handover {
 public:
  void take() const { static_cast<void>(given_.load(std::memory_order_acquire)); }
  void give() { given_.store(true, std::memory_order_release); }

 private:
  std::atomic<bool> given_{false};
};

struct Work {
  Handover handover;
  std::shared_ptr<PageBatch> batch;
  std::unique_ptr<PageSink::Job> job;
};

class Run {
 public:
  Run(const ImageReader& source, PageSink* sink, const PipelineOptions& options)
      : memory_(source),
        both_(source),
        source_(options.with_swapped ? static_cast<const ImageReader&>(both_) : memory_),
        sink_(sink),
        options_(options),
        fill_hashes_(source.info().page_size),
        batches_(std::make_shared<Pool<PageBatch>>([] { return std::make_unique<PageBatch>(); })) {
    std::uint64_t pages = source.info().pages.total();
    if (options.with_swapped && source.swapped_pages() != nullptr)
      pages += source.swapped_pages()->info().pages.total();
    progress_.total_bytes = pages * source.info().page_size;
  }

  Result<PipelineResult> go() {
    TRY(input_, source_.batches());
    if (sink_ != nullptr) TRY_OK(sink_->begin());
    const unsigned threads = options_.threads != 0 ? options_.threads : processor_count();
    const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, threads);
    tbb::task_arena arena(static_cast<int>(threads));
    arena.execute([&] {
      tbb::parallel_pipeline(std::min<std::size_t>(threads * kBatchesPerThread, kMaxBatches), filters());
    });
    for (const Handover* stage : {&next_, &plan_, &append_}) stage->take();
    if (error_) return fail(std::move(*error_));
    result_.whole = source_.check_whole();
    std::vector<Damage>& damage = result_.whole.damage;
    if (!damage.empty() && !options_.salvage) return fail(advised(std::move(damage.front().error)));
    const std::uint64_t promised = memory_.info().pages.total();
    result_.missing_pages = promised - std::min(promised, result_.pages.total());
    result_.content_digest = digest_.digest();
    result_.swapped_digest = swapped_digest_.digest();
    if (sink_ != nullptr) {
      TRY_OK(sink_->finish({result_.pages, result_.content_digest, result_.swapped, result_.swapped_digest,
                            memory_.info().damage.size() + result_.damage.size() + damage.size(),
                            result_.missing_pages}));
    }
    return std::move(result_);
  }

 private:
  using Item = Work*;

  tbb::filter<void, void> filters() {
    using Mode = tbb::filter_mode;
    const auto step = [this](Item (Run::*stage)(Item)) {
      return [this, stage](Item work) {
        work->handover.take();
        (this->*stage)(work);
        work->handover.give();
        return work;
      };
    };
    const auto in_order = [](Handover& stage, auto body) {
      return [&stage, body](Item work) {
        stage.take();
        body(work);
        stage.give();
        return work;
      };
    };
    return tbb::make_filter<void, Item>(Mode::serial_in_order,
                                        [this](tbb::flow_control& flow) {
                                          next_.take();
                                          Item work = next(flow);
                                          next_.give();
                                          if (work != nullptr) work->handover.give();
                                          return work;
                                        }) &
           tbb::make_filter<Item, Item>(Mode::parallel, step(&Run::load)) &
           tbb::make_filter<Item, Item>(Mode::serial_in_order, in_order(plan_, step(&Run::plan))) &
           tbb::make_filter<Item, Item>(Mode::parallel, step(&Run::encode)) &
           tbb::make_filter<Item, void>(Mode::serial_in_order, [this](Item work) {
             append_.take();
             work->handover.take();
             append(work);
             append_.give();
           });
  }

  Item next(tbb::flow_control& flow) {
    if (cancelled()) stop(cancelled_error());
    if (!stopped_) {
      auto lease = batches_->take();
      lease->hashes_only = options_.hashes_only;
      auto more = input_->next(*lease);
      if (!more) stop(std::move(more).error());
      if (more && *more) {
        PageBatch* raw = lease.release();
        return new Work{{},
                        std::shared_ptr<PageBatch>(
                            raw, [pool = batches_](PageBatch* b) { Pool<PageBatch>::Return{pool.get()}(b); }),
                        nullptr};
      }
    }
    flow.stop();
    return nullptr;
  }

  Item load(Item work) {
    if (!stopped_) source_.load(*work->batch);
    return work;
  }

  Item plan(Item work) {
    if (stopped_) return work;
    PageBatch& batch = *work->batch;
    take_damage(batch);
    for (const PageItem& item : batch.items) count(item);
    if (!stopped_ && options_.inspect) check(options_.inspect(batch));
    if (!stopped_ && sink_ != nullptr) {
      auto job = sink_->plan(work->batch);
      if (job) work->job = std::move(*job);
      if (!job) stop(std::move(job).error());
    }
    report(batch);
    work->batch.reset();  // a sink that needs the bytes has its own share of it
    return work;
  }

  Item encode(Item work) {
    if (!stopped_ && work->job) check(sink_->encode(*work->job));
    return work;
  }

  void append(Item work) {
    const std::unique_ptr<Work> owned(work);
    if (!stopped_ && work->job) check(sink_->append(*work->job));
  }

  void take_damage(PageBatch& batch) {
    if (batch.damage.empty()) return;
    if (!options_.salvage) {
      stop(advised(batch.damage.front().error));
      return;
    }
    for (Damage& damage : batch.damage) add(std::move(damage));
  }

  Error advised(Error error) const {
    return options_.may_salvage ? advise_salvage(std::move(error)) : std::move(error);
  }

  // The pages of one broken place come in several batches.
  void add(Damage damage) {
    const auto [known, is_new] =
        damage_at_.try_emplace({damage.error.offset, damage.error.where}, result_.damage.size());
    if (!is_new) {
      for (const PfnRange& range : damage.lost_pfns)
        append_range(result_.damage[known->second].lost_pfns, range);
    } else if (result_.damage.size() < kMaxDamage) {
      result_.damage.push_back(std::move(damage));
    } else {
      damage_at_.erase(known);
    }
  }

  void count(const PageItem& item) {
    const bool swapped = is_swapped(item.run.first);
    ContentDigest& digest = swapped ? swapped_digest_ : digest_;
    const Pfn first = swapped ? item.run.first - kFirstSwapped : item.run.first;
    (swapped ? result_.swapped : result_.pages).add(item.run);
    if (item.run.state == PageState::Data) digest.add(first, item.hash);
    if (item.run.state == PageState::Fill)
      digest.add_run(first, item.run.count, fill_hashes_.of(item.run.fill));
  }

  void report(const PageBatch& batch) {
    for (const PageRun& run : batch.runs) progress_.done_bytes += run.count * source_.info().page_size;
    if (options_.progress) options_.progress(progress_);
  }

  void check(Result<void> result) {
    if (!result) stop(std::move(result).error());
  }

  void stop(Error error) {
    const std::scoped_lock lock(error_mutex_);
    if (!error_) error_ = std::move(error);
    stopped_ = true;
  }

  const ImageReader& memory_;
  WithSwapped both_;
  const ImageReader& source_;  // one of the two
  PageSink* sink_;
  const PipelineOptions& options_;
  FillHashes fill_hashes_;
  std::shared_ptr<Pool<PageBatch>>
      batches_;  // shared with each batch: a sink that was stopped keeps some for longer than this lives
  std::unique_ptr<BatchSource> input_;
  ContentDigest digest_;
  ContentDigest swapped_digest_;
  PipelineResult result_;
  std::map<std::pair<std::optional<std::uint64_t>, std::string>, std::size_t>
      damage_at_;  // by offset and structure: place in result_.damage
  Progress progress_;
  Handover next_;
  Handover plan_;
  Handover append_;
  std::atomic<bool> stopped_{false};
  std::mutex error_mutex_;
  std::optional<Error> error_;
};

}  // namespace

std::vector<Damage> PipelineResult::all_damage() const {
  std::vector<Damage> all = damage;
  all.insert(all.end(), whole.damage.begin(), whole.damage.end());
  return all;
}

unsigned processor_count() {
  const int count = tbb::this_task_arena::max_concurrency();
  return count > 0 ? static_cast<unsigned>(count) : 1;
}

Result<PipelineResult> run_pipeline(const ImageReader& source, PageSink* sink,
                                    const PipelineOptions& options) {
  return Run(source, sink, options).go();
}

Result<std::unique_ptr<PageHashSource>> stored_page_hashes(const ImageReader& image,
                                                           const PipelineOptions& options) {
  if (options.salvage) return std::unique_ptr<PageHashSource>();
  return image.page_hashes();
}

std::string lost_pages(std::uint64_t count, const ImageInfo& image) {
  if (image.state != ImageState::Incomplete) return counted(count, "page") + " lost";
  return (count == 0 ? std::string() : counted(count, "page") + " lost, ") + "and how many more is not known";
}

}  // namespace hib
