#include "lib/fs/memory_scan.h"

#include <fmt/format.h>

#include "lib/fs/xfs_log.h"

namespace hib::fs {
namespace {

Marks marks_of(const ExtSuperBlock& block) {
  return {{kMountTime, std::to_string(block.mount_time)},
          {kWriteTime, std::to_string(block.write_time)},
          {kCheckTime, std::to_string(block.check_time)},
          {kMountCount, std::to_string(block.mount_count)}};
}

// The kernel keeps at most 8; more are remains of earlier mounts, or somebody's invention.
constexpr std::size_t kMaxLogRecords = 1024;

std::string text_of(const LogPlace& place) { return fmt::format("{}:{}", place.cycle, place.sector); }

}  // namespace

void MemoryScan::add(const PageBatch& batch, std::uint32_t page_size) {
  for (const PageItem& item : batch.items) {
    if (item.run.state == PageState::Data && item.bytes != nullptr) look_at({item.bytes, page_size});
  }
}

void MemoryScan::look_at(ByteView page) {
  if (auto block = ext_super_block(page.subspan(ExtSuperBlock::kOffset))) {
    take(block->uuid, "ext", marks_of(*block), block->write_time);
  }
  if (auto block = btrfs_super_block(page)) {
    take(block->uuid, "btrfs", {{kGeneration, std::to_string(block->generation)}}, block->generation);
  }
  // Superblocks of XFS and its log records lie in buffers of sectors, which the kernel packs into pages.
  for (std::size_t at = 0; at + kSectorBytes <= page.size(); at += kSectorBytes) {
    const ByteView sector = page.subspan(at, kSectorBytes);
    if (auto block = xfs_super_block(sector)) take(block->uuid, "xfs", {}, 0);
    if (auto record = xfs_log_record(sector)) take(std::move(*record));
  }
}

void MemoryScan::take(const std::string& uuid, std::string type, Marks marks, std::uint64_t age) {
  const auto [it, is_new] = found_.try_emplace(uuid);
  if (!is_new && it->second.age >= age) return;
  it->second.type = std::move(type);
  it->second.marks = std::move(marks);
  it->second.age = age;
}

void MemoryScan::take(XfsLogRecord record) {
  Found& found = found_[record.uuid];
  found.type = "xfs";
  if (found.log.size() < kMaxLogRecords) found.log.push_back(std::move(record));
}

InMemory MemoryScan::of(const std::string& uuid, std::uint64_t log_sectors) const {
  const auto it = found_.find(uuid);
  if (it == found_.end()) return {};
  InMemory out{it->second.type, {{}, "no mark of it in the machine's memory"}};
  for (const auto& [name, value] : it->second.marks) out.marks.marks.push_back({name, value, ReadBy::Memory});
  if (const auto end = log_end(it->second.log, log_sectors)) {
    out.marks.marks.push_back({kLogHead, text_of(end->at), ReadBy::Memory, text_of(end->or_at)});
  }
  return out;
}

std::vector<std::string> MemoryScan::uuids() const {
  std::vector<std::string> uuids;
  for (const auto& [uuid, found] : found_) uuids.push_back(uuid);
  return uuids;
}

}  // namespace hib::fs
