#pragma once

#include <memory>

#include "lib/image/format.h"

namespace hib::avml {

// Format::write. Takes none of the options.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source,
                                              const WriteOptions& options = {});

}  // namespace hib::avml
