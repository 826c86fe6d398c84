#include "lib/mount/page_table.h"

#include <algorithm>

#include "lib/image/runs.h"
#include "lib/os/cancel.h"

namespace hib::mount {

Result<PageTable> PageTable::of(const ImageReader& image) {
  PageTable table;
  if (!image.decodes_whole_batches()) {
    TRY(const auto runs, image.runs());
    for (;;) {
      TRY(const auto run, runs->next());
      if (!run) return table;
      if (cancelled()) return fail(cancelled_error());
      append_run(table.runs_, *run);
    }
  }
  TRY(const auto batches, image.batches());
  PageBatch batch;
  for (;;) {
    TRY(const bool more, batches->next(batch));
    if (!more) return table;
    if (cancelled()) return fail(cancelled_error());
    if (!batch.runs.empty()) table.add(batch);
  }
}

void PageTable::add(const PageBatch& batch) {
  units_.push_back({batch.runs.front().first, batch.runs.back().end(), batch.context, batch.token});
  for (const PageRun& run : batch.runs) append_run(runs_, run);
}

const PageRun* PageTable::run_from(Pfn pfn) const {
  const auto run =
      std::upper_bound(runs_.begin(), runs_.end(), pfn, [](Pfn p, const PageRun& r) { return p < r.end(); });
  return run == runs_.end() ? nullptr : &*run;
}

std::optional<std::size_t> PageTable::unit_of(Pfn pfn) const {
  const auto unit =
      std::upper_bound(units_.begin(), units_.end(), pfn, [](Pfn p, const Unit& u) { return p < u.end; });
  if (unit == units_.end() || pfn < unit->first) return std::nullopt;
  return static_cast<std::size_t>(unit - units_.begin());
}

PageBatch PageTable::batch_of(std::size_t number) const {
  const Unit& unit = units_[number];
  PageBatch batch;
  batch.number = number;
  batch.context = unit.context;
  batch.token = unit.token;
  auto run = std::upper_bound(runs_.begin(), runs_.end(), unit.first,
                              [](Pfn p, const PageRun& r) { return p < r.end(); });
  for (; run != runs_.end() && run->first < unit.end; ++run) {
    PageRun part = *run;
    part.first = std::max(run->first, unit.first);
    part.count = std::min(run->end(), unit.end) - part.first;
    batch.runs.push_back(part);
  }
  return batch;
}

}  // namespace hib::mount
