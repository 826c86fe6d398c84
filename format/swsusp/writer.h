// Writes hibernation images: into a swap area, so that a stock kernel resumes from it, or as the stream of
// /dev/snapshot.
#pragma once

#include <string>

#include "format/swsusp/stream_plan.h"
#include "format/swsusp/swap_target.h"
#include "lib/image/sink.h"
#include "lib/os/output.h"

namespace hib::swsusp {

struct WriterStatistics {
  std::uint64_t blocks = 0;        // taken, map pages included
  std::uint64_t header_block = 0;  // resume_offset
  std::string codec;
};

// `codec` is lzo, lz4 or none; empty keeps the source's. All must outlive the sink.
Result<std::unique_ptr<PageSink>> make_swap_writer(SwapTarget& target, const StreamPlan& plan,
                                                   const std::string& codec, WriterStatistics& statistics);

Result<std::unique_ptr<PageSink>> make_snapshot_writer(Output& output, const StreamPlan& plan);

}  // namespace hib::swsusp
