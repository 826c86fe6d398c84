// The record "memory" of an image that a kernel jump saved (docs/format/records.md): the machine's RAM as its
// own kernel knew it, so that an image of only a part of it is no image.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "lib/base/error.h"
#include "lib/image/reader.h"
#include "lib/image/record.h"
#include "lib/jump/module/device.h"
#include "lib/jump/module/page_map.h"

namespace hib::jump {

inline constexpr std::string_view kMemoryRecord = "memory";

struct MemoryRecord {
  std::vector<MemoryRange> ram;  // whole pages, ascending
  // Pages that the saver has not read, and why: not online or in a balloon; defective. Added by the saver.
  std::uint64_t offline_pages = 0;
  std::uint64_t poisoned_pages = 0;
};

Record encode(const MemoryRecord& memory);

// Missing, unknown and repeated fields are errors, and so are ranges that no RAM can have.
Result<MemoryRecord> decode_memory_record(const Record& record);

// Appends the memory of a run, as a part of the last piece where it continues that.
void append(std::vector<MemoryRange>& pieces, const PageRun& run);

// What an image knows of its machine's memory, absent pages included. Ascending.
Result<std::vector<MemoryRange>> ram_in(const ImageReader& image);

// Each page of `ram`, less the crash region, is in `covered`. `ram` and `covered` ascend. The error is
// Corrupt, and names the first hole.
Result<void> check_coverage(const std::vector<MemoryRange>& ram, const MemoryRange& region,
                            const std::vector<MemoryRange>& covered);

}  // namespace hib::jump
