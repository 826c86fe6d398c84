// Writes a kdump-compressed dump, version 6. Into a stream it writes the flattened form, which exists for
// that.
#pragma once

#include <memory>
#include <string>

#include "lib/image/reader.h"
#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib::kdump {

enum class Codec { None, Zlib, Lzo, Snappy, Zstd };
Result<Codec> codec_named(const std::string& name);

// Both must outlive the sink. A page that turns out unreadable on the way is written as zeros: the format has
// no mark for it, and its descriptor is reserved before that is known. The caller reports it.
Result<std::unique_ptr<PageSink>> make_writer(Output& output, const ImageReader& source, Codec codec);

}  // namespace hib::kdump
