// Where an XFS log ends, by the records that a kernel left in its memory.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lib/fs/super_block.h"

namespace hib::fs {

struct LogPlace {
  std::uint64_t cycle = 0;
  std::uint64_t sector = 0;
};

// Where the log ends on the disk.
struct LogEnd {
  LogPlace at;
  LogPlace or_at;  // as right: the newest record may not have reached the disk
};

// `records` are of one file system, in any order; `log_sectors` is the length of its log, 0 when it is not
// known. Nothing when the records do not tell, or contradict each other.
std::optional<LogEnd> log_end(const std::vector<XfsLogRecord>& records, std::uint64_t log_sectors);

}  // namespace hib::fs
