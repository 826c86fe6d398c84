#include "lib/ops/diff.h"

#include <algorithm>

#include "lib/image/content_digest.h"
#include "lib/image/runs.h"
#include "lib/os/cancel.h"

namespace hib {
namespace {

// Page hashes of an image that keeps none: every page is read once. 8 bytes a page.
class CollectedHashes final : public PageHashSource {
 public:
  void add(const PageBatch& batch) {
    for (const PageItem& item : batch.items) {
      if (item.run.state == PageState::Data) hashes_.push_back(item.hash.low);
      append_run(runs_, item.run);
    }
  }

  Result<std::optional<Run>> next() override {
    if (run_ == runs_.size()) return std::optional<Run>();
    const Run out{runs_[run_++], hashes_.data() + hash_};
    if (out.run.state == PageState::Data) hash_ += out.run.count;
    return std::optional<Run>(out);
  }

 private:
  std::vector<PageRun> runs_;
  std::vector<std::uint64_t> hashes_;
  std::size_t run_ = 0;
  std::size_t hash_ = 0;
};

Result<std::unique_ptr<PageHashSource>> hashes_of(const ImageReader& image, const PipelineOptions& options,
                                                  DiffReport& report) {
  TRY(auto stored, stored_page_hashes(image, options));
  if (stored != nullptr) {
    report.not_read.push_back(image.info().path);
    return stored;
  }
  report.by_stored_hashes = false;
  auto collected = std::make_unique<CollectedHashes>();
  PipelineOptions reading = options;
  reading.inspect = [&](const PageBatch& batch) -> Result<void> {
    collected->add(batch);
    return {};
  };
  TRY(const PipelineResult result, run_pipeline(image, nullptr, reading));
  for (Damage& damage : result.all_damage()) report.damage.push_back(std::move(damage));
  return std::unique_ptr<PageHashSource>(std::move(collected));
}

// One side of the comparison: what is left of its current run.
class Side {
 public:
  explicit Side(PageHashSource& source) : source_(source) {}

  Result<void> advance_to(Pfn pfn) {
    while (!done_ && current_.run.end() <= pfn) {
      TRY(const auto next, source_.next());
      done_ = !next;
      if (next) current_ = *next;
    }
    return {};
  }
  bool done() const { return done_; }
  bool covers(Pfn pfn) const { return !done_ && current_.run.first <= pfn && pfn < current_.run.end(); }
  Pfn next_first(Pfn pfn) const { return done_ ? kMaxPfn : std::max(pfn, current_.run.first); }
  // Where the run, or the gap before it, ends.
  Pfn next_change(Pfn pfn) const {
    return done_ ? kMaxPfn : covers(pfn) ? current_.run.end() : current_.run.first;
  }
  const PageRun& run() const { return current_.run; }
  bool present(Pfn pfn) const { return covers(pfn) && current_.run.is_present(); }
  bool unreadable(Pfn pfn) const { return covers(pfn) && current_.run.state == PageState::Unreadable; }
  std::uint64_t hash(Pfn pfn, const FillHashes& fills) const {
    return current_.run.state == PageState::Fill ? fills.of(current_.run.fill).low
                                                 : current_.hashes[pfn - current_.run.first];
  }

 private:
  PageHashSource& source_;
  PageHashSource::Run current_;
  bool done_ = false;
};

class Comparison {
 public:
  Comparison(PageHashSource& a, PageHashSource& b, std::uint32_t page_size, DiffReport& report)
      : a_(a), b_(b), fills_(page_size), report_(report) {}

  Result<void> run() {
    for (Pfn pfn = 0;;) {
      if (cancelled()) return fail(cancelled_error());
      TRY_OK(a_.advance_to(pfn));
      TRY_OK(b_.advance_to(pfn));
      if (a_.done() && b_.done()) return {};
      pfn = std::min(a_.next_first(pfn), b_.next_first(pfn));
      const Pfn end = std::min(a_.next_change(pfn), b_.next_change(pfn));
      compare(pfn, end - pfn);
      pfn = end;
    }
  }

 private:
  void compare(Pfn first, std::uint64_t count) {
    if (a_.unreadable(first) || b_.unreadable(first)) {
      report_.unknown += count;
      append_range(report_.unknown_ranges, {first, count});
    } else if (a_.present(first) && b_.present(first)) {
      compare_present(first, count);
    } else if (a_.present(first)) {
      report_.only_a += count;
      append_range(report_.only_a_ranges, {first, count});
    } else if (b_.present(first)) {
      report_.only_b += count;
      append_range(report_.only_b_ranges, {first, count});
    }
  }

  void compare_present(Pfn first, std::uint64_t count) {
    if (a_.run().state == PageState::Fill && b_.run().state == PageState::Fill) {
      note_present(first, count, a_.run().fill == b_.run().fill);
      return;
    }
    for (Pfn pfn = first; pfn < first + count; ++pfn)
      note_present(pfn, 1, a_.hash(pfn, fills_) == b_.hash(pfn, fills_));
  }

  void note_present(Pfn first, std::uint64_t count, bool is_same) {
    (is_same ? report_.same : report_.changed) += count;
    append_range(is_same ? report_.same_ranges : report_.changed_ranges, {first, count});
  }

  Side a_;
  Side b_;
  FillHashes fills_;
  DiffReport& report_;
};

Result<DiffReport> compare(const ImageReader& a, const ImageReader& b, const PipelineOptions& options) {
  DiffReport report;
  report.by_stored_hashes = true;
  TRY(const auto hashes_a, hashes_of(a, options, report));
  TRY(const auto hashes_b, hashes_of(b, options, report));
  TRY_OK(Comparison(*hashes_a, *hashes_b, a.info().page_size, report).run());
  return report;
}

}  // namespace

Result<DiffReport> diff(const ImageReader& a, const ImageReader& b, const PipelineOptions& options) {
  if (a.info().page_size != b.info().page_size) {
    return fail(make_error(ErrorKind::Unsupported, "page size", std::to_string(b.info().page_size),
                           std::to_string(a.info().page_size) + ", as in " + a.info().path)
                    .of(b.info().path));
  }
  TRY(DiffReport report, compare(a, b, options));
  const ImageReader* swapped_a = a.swapped_pages();
  const ImageReader* swapped_b = b.swapped_pages();
  report.swapped_on_one_side = (swapped_a == nullptr) != (swapped_b == nullptr);
  if (swapped_a == nullptr || swapped_b == nullptr) return report;
  TRY(DiffReport swapped, compare(*swapped_a, *swapped_b, options));
  report.swapped = std::make_shared<const DiffReport>(std::move(swapped));
  return report;
}

}  // namespace hib
