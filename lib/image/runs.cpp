#include "lib/image/runs.h"

namespace hib {
namespace {

class ListedRuns final : public RunSource {
 public:
  explicit ListedRuns(const std::vector<PageRun>& runs) : runs_(runs) {}
  Result<std::optional<PageRun>> next() override {
    if (position_ == runs_.size()) return std::optional<PageRun>();
    return std::optional<PageRun>(runs_[position_++]);
  }

 private:
  const std::vector<PageRun>& runs_;
  std::size_t position_ = 0;
};

}  // namespace

void append_run(std::vector<PageRun>& runs, const PageRun& run) {
  if (!runs.empty() && run.continues(runs.back())) {
    runs.back().count += run.count;
  } else {
    runs.push_back(run);
  }
}

void append_range(std::vector<PfnRange>& ranges, const PfnRange& range) {
  if (!ranges.empty() && ranges.back().first + ranges.back().second == range.first) {
    ranges.back().second += range.second;
  } else {
    ranges.push_back(range);
  }
}

std::unique_ptr<RunSource> source_of(const std::vector<PageRun>& runs) {
  return std::make_unique<ListedRuns>(runs);
}

}  // namespace hib
