#pragma once

#include <memory>

#include "lib/image/format.h"

namespace hib::lime {

// Format::layout: a header in front of each run of present pages.
Result<LinearLayout> layout_of(const ImageReader& source);

// Format::write. Takes none of the options.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions& options = {});

}  // namespace hib::lime
