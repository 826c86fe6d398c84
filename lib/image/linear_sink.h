// The writer of every format that keeps memory as it is (the counterpart of ExtentReader): ELF, LiME and raw
// differ only in which bytes of the file are headers and which are which pages.
#pragma once

#include <memory>
#include <vector>

#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib {

// A stretch of the file: either bytes that are known in advance, or pages. In file order, without overlap;
// what lies between pieces is zero.
struct LayoutPiece {
  std::uint64_t offset = 0;
  std::vector<std::byte> literal;
  Pfn first = 0;
  std::uint64_t page_count = 0;  // 0: a literal
};

struct LinearLayout {
  std::vector<LayoutPiece> pieces;
  std::uint64_t file_bytes = 0;
  std::uint32_t page_size = 4096;
};

// Pages that are not in the layout are dropped; pages of the layout that never come, or are absent or
// unreadable, stay zero. `output` must outlive the sink.
std::unique_ptr<PageSink> make_linear_sink(Output& output, LinearLayout layout);

// The runs of pages that a source holds, joined where data and zero pages touch.
Result<std::vector<PageRun>> present_runs(const ImageReader& source);

}  // namespace hib
