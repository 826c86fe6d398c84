// Which kernel runs the memory of an image that does not say it: one pass over all pages.
#pragma once

#include <memory>

#include "lib/image/reader.h"
#include "lib/ops/pipeline.h"

namespace hib {

// The same image, with what was found in its record "machine". One that says it, or that holds nothing, as it
// is.
Result<std::unique_ptr<ImageReader>> find_kernel(std::unique_ptr<ImageReader> image, unsigned threads,
                                                 const ProgressCallback& progress);

}  // namespace hib
