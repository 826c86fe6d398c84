#include "format/raw/writer.h"

#include "lib/image/linear_sink.h"

namespace hib::raw {

Result<LinearLayout> layout_of(const ImageReader& source) {
  const std::uint32_t page_size = source.info().page_size;
  LinearLayout layout;
  layout.page_size = page_size;
  layout.file_bytes = source.info().end_pfn * page_size;
  if (source.info().gaps_may_be_memory) {
    layout.pieces.push_back({0, {}, 0, source.info().end_pfn});  // what is absent is not told from a hole
    return layout;
  }
  TRY(const std::vector<PageRun> runs, memory_runs(source));
  for (const PageRun& run : runs) layout.pieces.push_back({run.first * page_size, {}, run.first, run.count});
  return layout;
}

Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions&) {
  TRY(LinearLayout layout, layout_of(source));
  return make_linear_sink(output, std::move(layout));
}

}  // namespace hib::raw
