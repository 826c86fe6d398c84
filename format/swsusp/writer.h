// Writes hibernation images: into a swap area, so that a stock kernel resumes from it, or as the stream of
// /dev/snapshot.
#pragma once

#include <memory>
#include <string>

#include "format/swsusp/stream_plan.h"
#include "format/swsusp/swap_target.h"
#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib::swsusp {

// `codec` is lzo, lz4 or none; empty keeps the source's.
Result<std::unique_ptr<PageSink>> make_swap_writer(std::unique_ptr<SwapTarget> target, StreamPlan plan,
                                                   const ImageReader* swapped, const std::string& codec);

// `output` must outlive the sink.
Result<std::unique_ptr<PageSink>> make_snapshot_writer(Output& output, const StreamPlan& plan);

}  // namespace hib::swsusp
