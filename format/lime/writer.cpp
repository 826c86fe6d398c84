#include "format/lime/writer.h"

#include "format/lime/layout.h"
#include "lib/image/linear_sink.h"

namespace hib::lime {

Result<LinearLayout> layout_of(const ImageReader& source) {
  const std::uint32_t page_size = source.info().page_size;
  LinearLayout layout;
  layout.page_size = page_size;
  TRY(const std::vector<PageRun> runs, present_runs(source));
  std::uint64_t offset = 0;
  for (const PageRun& run : runs) {
    RangeHeader header{};
    header.magic = kMagic;
    header.version = kVersion;
    header.start = run.first * page_size;
    header.last = run.end() * page_size - 1;
    const ByteView bytes = object_bytes(header);
    layout.pieces.push_back({offset, {bytes.begin(), bytes.end()}, 0, 0});
    offset += sizeof(header);
    layout.pieces.push_back({offset, {}, run.first, run.count});
    offset += run.count * page_size;
  }
  layout.file_bytes = offset;
  return layout;
}

Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions&) {
  TRY(LinearLayout layout, layout_of(source));
  return make_linear_sink(output, std::move(layout));
}

}  // namespace hib::lime
