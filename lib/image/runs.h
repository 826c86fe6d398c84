// Lists of runs.
#pragma once

#include <memory>
#include <vector>

#include "lib/image/reader.h"

namespace hib {

// Append what is given, as a part of the last one where it continues that.
void append_run(std::vector<PageRun>& runs, const PageRun& run);

void append_range(std::vector<PfnRange>& ranges, const PfnRange& range);

// Hands out the runs of a list, which must outlive the source and not change.
std::unique_ptr<RunSource> source_of(const std::vector<PageRun>& runs);

}  // namespace hib
