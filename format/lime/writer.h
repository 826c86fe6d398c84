#pragma once

#include <memory>

#include "lib/image/reader.h"
#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib::lime {

// Both must outlive the sink.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source);

}  // namespace hib::lime
