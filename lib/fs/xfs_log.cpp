#include "lib/fs/xfs_log.h"

#include <algorithm>
#include <tuple>

namespace hib::fs {
namespace {

constexpr std::uint64_t kNoRecordBefore = 0xFFFFFFFF;  // the first record after a mount names none

// A log is written in a circle, and each round has a number.
LogPlace onward(LogPlace from, std::uint64_t sectors, std::uint64_t log_sectors) {
  from.sector += sectors;
  if (log_sectors == 0 || from.sector <= log_sectors) return from;
  return {from.cycle + 1, from.sector - log_sectors};
}

// A record that is still being filled, or written, has its place.
std::optional<LogEnd> end_by_place(const std::vector<XfsLogRecord>& records, std::uint64_t log_sectors) {
  const XfsLogRecord* newest = nullptr;
  for (const XfsLogRecord& record : records) {
    if (!record.knows_its_place()) continue;
    if (newest == nullptr ||
        std::tie(record.own_cycle, record.own_sector) > std::tie(newest->own_cycle, newest->own_sector)) {
      newest = &record;
    }
  }
  if (newest == nullptr) return std::nullopt;
  const LogPlace begin{newest->own_cycle, newest->own_sector};
  return LogEnd{onward(begin, newest->sectors, log_sectors), begin};
}

// A record that has been written has forgotten its place, but names the place of the one before it. So the
// third last says how long it is, the second last thereby where it begins, and the last names that very
// sector: then they are the last three, and where the last one ends is known. What spans two rounds is not
// told apart, and left undecided.
std::optional<LogEnd> end_by_chain(std::vector<XfsLogRecord> records, std::uint64_t log_sectors) {
  std::erase_if(records, [](const XfsLogRecord& record) {
    return record.cycle == 0 || record.previous == kNoRecordBefore || record.knows_its_place();
  });
  std::sort(records.begin(), records.end(), [](const XfsLogRecord& a, const XfsLogRecord& b) {
    return std::tie(a.cycle, a.previous) > std::tie(b.cycle, b.previous);
  });
  if (records.size() < 3 || records[0].cycle != records[2].cycle) return std::nullopt;
  const XfsLogRecord& last = records[0];
  const XfsLogRecord& second_last = records[1];
  const XfsLogRecord& third_last = records[2];
  if (last.previous != second_last.previous + third_last.sectors) return std::nullopt;
  const LogPlace begin{last.cycle, last.previous + second_last.sectors};
  const LogPlace end = onward(begin, last.sectors, log_sectors);
  return LogEnd{end, end};
}

bool is_older(const LogPlace& a, const LogPlace& b) {
  return std::tie(a.cycle, a.sector) < std::tie(b.cycle, b.sector);
}

}  // namespace

std::optional<LogEnd> log_end(const std::vector<XfsLogRecord>& records, std::uint64_t log_sectors) {
  const auto written = end_by_chain(records, log_sectors);
  const auto under_way = end_by_place(records, log_sectors);
  // A record that was read from the disk when it was mounted knows its place too; it is older than what was
  // written.
  if (!written || !under_way || is_older(under_way->or_at, written->at)) return written;
  const bool follows = !is_older(written->at, under_way->or_at);
  return follows ? under_way : std::nullopt;
}

}  // namespace hib::fs
