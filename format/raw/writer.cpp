#include "format/raw/writer.h"

#include "lib/image/linear_sink.h"

namespace hib::raw {

// Byte N of the file is byte N of physical memory; what is not memory, or not in the image, is a hole.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions&) {
  const std::uint32_t page_size = source.info().page_size;
  LinearLayout layout;
  layout.page_size = page_size;
  TRY(const std::vector<PageRun> runs, present_runs(source));
  for (const PageRun& run : runs) layout.pieces.push_back({run.first * page_size, {}, run.first, run.count});
  layout.file_bytes = source.info().end_pfn * page_size;
  return make_linear_sink(output, std::move(layout));
}

}  // namespace hib::raw
