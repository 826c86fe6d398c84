#pragma once

#include <memory>

#include "lib/image/format.h"

namespace hib::elf {

// Format::layout: header, program headers, notes, then one PT_LOAD for each run of present pages; pages that
// are not in the image are in no segment, so that no tool takes them for zeros.
Result<LinearLayout> layout_of(const ImageReader& source);

// Format::write. Takes none of the options.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions& options = {});

}  // namespace hib::elf
