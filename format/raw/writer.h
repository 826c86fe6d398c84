#pragma once

#include <memory>

#include "lib/image/format.h"

namespace hib::raw {

// Format::layout: byte N of the file is byte N of physical memory. All memory of the machine is in it: what
// is not in the image is a hole, as what is no memory.
Result<LinearLayout> layout_of(const ImageReader& source);

// Format::write. Takes none of the options.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions& options = {});

}  // namespace hib::raw
