// What a file of a format that keeps memory as it is looks like, known before any page is read: ELF, LiME and
// raw differ only in which bytes are headers and which are which pages. The linear sink writes such a file,
// and lib/mount shows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "lib/image/reader.h"

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

// The runs of pages that a source holds, joined where data and zero pages touch.
Result<std::vector<PageRun>> present_runs(const ImageReader& source);

// The same of all its memory, whether its pages can be read or not.
Result<std::vector<PageRun>> memory_runs(const ImageReader& source);

}  // namespace hib
