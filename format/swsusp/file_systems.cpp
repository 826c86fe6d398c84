#include "format/swsusp/file_systems.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/os/partitions.h"

namespace hib::swsusp {
namespace {

// ext2/3/4: fs/ext4/ext4.h, struct ext4_super_block, 1024 bytes into the device and so into its first page.
constexpr std::size_t kExtOffset = 1024;
constexpr std::size_t kExtBytes = 1024;
constexpr std::size_t kExtMount = 44;       // s_mtime, u32
constexpr std::size_t kExtWrite = 48;       // s_wtime, u32
constexpr std::size_t kExtMountCount = 52;  // u16
constexpr std::size_t kExtMagic = 56;       // u16, 0xEF53
constexpr std::size_t kExtLastCheck = 64;   // u32
constexpr std::size_t kExtRevision = 76;    // u32, 0 or 1
constexpr std::size_t kExtUuid = 104;
constexpr std::size_t kExtLogBlockSize = 24;  // u32, at most 6
// btrfs: fs/btrfs, struct btrfs_super_block, 64 KiB into the device.
constexpr std::size_t kBtrfsOffset = 65536;
constexpr std::size_t kBtrfsUuid = 32;
constexpr std::size_t kBtrfsMagic = 64;
constexpr std::size_t kBtrfsGeneration = 72;
// XFS: fs/xfs/libxfs/xfs_format.h, struct xfs_dsb
constexpr std::size_t kXfsUuid = 32;

template <typename T>
std::uint64_t get(ByteView bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.subspan(offset, sizeof(T)).data(), sizeof(T));
  return value;
}

std::string uuid_at(ByteView bytes, std::size_t offset) {
  std::string text;
  for (std::size_t i = 0; i < 16; ++i) text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", std::to_integer<unsigned>(bytes[offset + i]));
  return text;
}

std::optional<SuperBlock> ext_at(ByteView bytes) {
  if (bytes.size() < kExtBytes || get<le16>(bytes, kExtMagic) != 0xEF53 || get<le32>(bytes, kExtRevision) > 1 || get<le32>(bytes, kExtLogBlockSize) > 6) return std::nullopt;
  return SuperBlock{"ext", uuid_at(bytes, kExtUuid), {get<le32>(bytes, kExtMount), get<le16>(bytes, kExtMountCount), get<le32>(bytes, kExtLastCheck)}, get<le32>(bytes, kExtWrite)};
}

std::optional<SuperBlock> btrfs_at(ByteView bytes) {
  if (bytes.size() < 128 || as_text(bytes.subspan(kBtrfsMagic, 8)) != "_BHRfS_M") return std::nullopt;
  return SuperBlock{"btrfs", uuid_at(bytes, kBtrfsUuid), {}, get<le64>(bytes, kBtrfsGeneration)};
}

// XFS keeps its superblock outside the page cache and writes it late: its presence is known, its age is not.
std::optional<SuperBlock> xfs_at(ByteView bytes) {
  if (bytes.size() < 256 || as_text(bytes.first(4)) != "XFSB") return std::nullopt;
  return SuperBlock{"xfs", uuid_at(bytes, kXfsUuid), {}, 0};
}

void look_into(const File& file, std::uint64_t offset, std::vector<SuperBlock>& out) {
  const auto read = [&](std::uint64_t at, std::size_t size) { return file.read_at(offset + at, size); };
  if (const auto raw = read(kExtOffset, kExtBytes)) {
    if (auto block = ext_at(*raw)) out.push_back(std::move(*block));
  }
  if (const auto raw = read(kBtrfsOffset, 4096)) {
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
  if (auto block = ext_at(page.subspan(kExtOffset))) take(std::move(*block));
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
  if (image.kind == "xfs") return "an XFS file system, of which it cannot be told whether it was written since";
  if (image.mount_state != now.mount_state) return "it was mounted or checked since";
  if (now.write_state > image.write_state) return "it was written since";
  return std::nullopt;
}

}  // namespace hib::swsusp
