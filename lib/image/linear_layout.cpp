#include "lib/image/linear_layout.h"

namespace hib {
namespace {

Result<std::vector<PageRun>> joined_runs(const ImageReader& source, bool absent_too) {
  TRY(auto runs, source.runs());
  std::vector<PageRun> joined;
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return joined;
    if (!absent_too && !run->is_present()) continue;
    if (!joined.empty() && joined.back().end() == run->first) {
      joined.back().count += run->count;
    } else {
      joined.push_back({run->first, run->count, PageState::Data, 0});
    }
  }
}

}  // namespace

Result<std::vector<PageRun>> present_runs(const ImageReader& source) { return joined_runs(source, false); }
Result<std::vector<PageRun>> memory_runs(const ImageReader& source) { return joined_runs(source, true); }

}  // namespace hib
