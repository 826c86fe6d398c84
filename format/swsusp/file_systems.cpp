#include "format/swsusp/file_systems.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/device/super_block.h"
#include "lib/os/partitions.h"

namespace hib::swsusp {
namespace {

std::optional<SuperBlock> ext_at(ByteView bytes) {
  const auto block = device::ext_super_block(bytes);
  if (!block) return std::nullopt;
  return SuperBlock{
      "ext", block->uuid, {block->mount_time, block->mount_count, block->check_time}, block->write_time};
}

std::optional<SuperBlock> btrfs_at(ByteView bytes) {
  const auto block = device::btrfs_super_block(bytes);
  if (!block) return std::nullopt;
  return SuperBlock{"btrfs", block->uuid, {}, block->generation};
}

// XFS keeps its superblock outside the page cache and writes it late: its presence is known, its age is not.
std::optional<SuperBlock> xfs_at(ByteView bytes) {
  const auto block = device::xfs_super_block(bytes);
  if (!block) return std::nullopt;
  return SuperBlock{"xfs", block->uuid, {}, 0};
}

void look_into(const File& file, std::uint64_t offset, std::vector<SuperBlock>& out) {
  const auto read = [&](std::uint64_t at, std::size_t size) { return file.read_at(offset + at, size); };
  if (const auto raw = read(device::ExtSuperBlock::kOffset, device::ExtSuperBlock::kBytes)) {
    if (auto block = ext_at(*raw)) out.push_back(std::move(*block));
  }
  if (const auto raw = read(device::BtrfsSuperBlock::kOffset, device::BtrfsSuperBlock::kBytes)) {
    if (auto block = btrfs_at(*raw)) out.push_back(std::move(*block));
  }
  if (const auto raw = read(0, 4096)) {
    if (auto block = xfs_at(*raw)) out.push_back(std::move(*block));
  }
}

}  // namespace

void SuperBlockScan::add(const PageBatch& batch, std::uint32_t page_size) {
  for (const PageItem& item : batch.items) {
    if (item.run.state == PageState::Data && item.bytes != nullptr) look_at({item.bytes, page_size});
  }
}

void SuperBlockScan::look_at(ByteView page) {
  if (auto block = ext_at(page.subspan(device::ExtSuperBlock::kOffset))) take(std::move(*block));
  if (auto block = btrfs_at(page)) take(std::move(*block));
  if (auto block = xfs_at(page)) take(std::move(*block));
}

void SuperBlockScan::take(SuperBlock block) {
  const auto [it, is_new] = found_.try_emplace(block.uuid, block);
  if (!is_new && it->second.write_state < block.write_state) it->second = std::move(block);
}

std::vector<SuperBlock> super_blocks_of(const File& file) {
  std::vector<SuperBlock> out;
  look_into(file, 0, out);
  for (const Partition& partition : list_partitions(file)) look_into(file, partition.offset, out);
  return out;
}

std::optional<std::string> written_since(const SuperBlock& image, const SuperBlock& now) {
  if (image.kind == "xfs")
    return "an XFS file system, of which it cannot be told whether it was written since";
  if (image.mount_state != now.mount_state) return "it was mounted or checked since";
  if (now.write_state > image.write_state) return "it was written since";
  return std::nullopt;
}

}  // namespace hib::swsusp
