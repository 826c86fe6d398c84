#include "lib/fs/on_disk.h"

#include "lib/fs/super_block.h"
#include "lib/os/partitions.h"

namespace hib::fs {
namespace {

void look_into(const File& file, std::vector<OnDisk>& out) {
  const auto add = [&](const char* type, const char* marks_type, const std::string& uuid,
                       std::uint64_t log_sectors) {
    out.push_back({file.path(), type, uuid, file_system_marks(file, marks_type), log_sectors});
  };
  if (const auto raw = file.read_at(ExtSuperBlock::kOffset, ExtSuperBlock::kBytes)) {
    if (const auto block = ext_super_block(*raw)) add("ext", "ext4", block->uuid, 0);
  }
  if (const auto raw = file.read_at(BtrfsSuperBlock::kOffset, BtrfsSuperBlock::kBytes)) {
    if (const auto block = btrfs_super_block(*raw)) add("btrfs", "btrfs", block->uuid, 0);
  }
  if (const auto raw = file.read_at(XfsSuperBlock::kOffset, XfsSuperBlock::kBytes)) {
    if (const auto block = xfs_super_block(*raw)) add("xfs", "xfs", block->uuid, block->log_sectors);
  }
}

}  // namespace

std::vector<OnDisk> file_systems_on(const File& disk) {
  std::vector<OnDisk> out;
  disk.drop_cache();
  look_into(disk, out);
  for (const Partition& partition : list_partitions(disk)) {
    if (partition.size == 0 || partition.size > disk.size() - partition.offset) continue;
    if (const auto window = disk.window({{partition.offset, partition.size}})) look_into(**window, out);
  }
  return out;
}

}  // namespace hib::fs
