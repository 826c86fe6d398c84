#include "lib/diagnose/boot/swap_file.h"

#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <optional>

#include <fmt/format.h>

#include "lib/base/cursor.h"
#include "lib/base/text.h"
#include "lib/device/probe/mount_table.h"
#include "lib/os/extents.h"
#include "lib/os/file.h"

namespace hib::diagnose::boot {
namespace {

constexpr std::uint64_t kChunkTree = BTRFS_CHUNK_TREE_OBJECTID;
constexpr std::uint64_t kChunkObject = BTRFS_FIRST_CHUNK_TREE_OBJECTID;
constexpr std::uint32_t kChunkItem = BTRFS_CHUNK_ITEM_KEY;
constexpr std::size_t kMaxSearches = 4096;  // each answers with some 30 chunks: 4 TiB of them and more
constexpr std::size_t kMaxItems = 4096;     // in one answer
constexpr std::uint16_t kMaxStripes = 1024;

bool is_btrfs(const File& file) {
  struct statfs status {};
  return ::fstatfs(file.descriptor(), &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

struct FoundChunk {
  std::uint64_t logical = 0;
  std::vector<std::byte> item;
};

// Looks through the items of one answer; `last` becomes the offset of the last one.
Result<std::optional<FoundChunk>> chunk_in(ByteView answer, std::size_t count, std::uint64_t wanted,
                                           std::uint64_t& last) {
  Cursor cursor(answer, 0, "chunk tree");
  std::optional<FoundChunk> found;
  for (std::size_t i = 0; i < count; ++i) {
    TRY_OK(cursor.bytes(16, "transaction and object"));
    std::array<std::byte, 16> raw{};
    TRY(const ByteView rest, cursor.bytes(raw.size(), "key"));
    // In the kernel's own byte order, not in the disk's.
    std::uint64_t offset = 0;
    std::uint32_t type = 0;
    std::uint32_t bytes = 0;
    std::memcpy(&offset, rest.data(), sizeof offset);
    std::memcpy(&type, rest.data() + 8, sizeof type);
    std::memcpy(&bytes, rest.data() + 12, sizeof bytes);
    TRY(const ByteView item, cursor.bytes(bytes, "item"));
    last = offset;
    if (type == kChunkItem && offset <= wanted) found = FoundChunk{offset, {item.begin(), item.end()}};
  }
  return found;
}

// The chunk that begins last at or before `wanted`.
Result<FoundChunk> find_chunk(const File& file, std::uint64_t wanted) {
  std::optional<FoundChunk> found;
  std::uint64_t from = 0;
  for (std::size_t i = 0; i < kMaxSearches; ++i) {
    btrfs_ioctl_search_args search{};
    search.key.tree_id = kChunkTree;
    search.key.min_objectid = search.key.max_objectid = kChunkObject;
    search.key.min_type = search.key.max_type = kChunkItem;
    search.key.min_offset = from;
    search.key.max_offset = wanted;
    search.key.max_transid = ~std::uint64_t{0};
    search.key.nr_items = kMaxItems;
    if (::ioctl(file.descriptor(), BTRFS_IOC_TREE_SEARCH, &search) != 0)
      return fail(system_error("BTRFS_IOC_TREE_SEARCH", errno).of(file.path()));
    if (search.key.nr_items == 0) break;
    std::uint64_t last = from;
    TRY(auto next, chunk_in(as_bytes({search.buf, sizeof search.buf}), search.key.nr_items, wanted, last));
    if (next) found = std::move(next);
    if (last >= wanted || last < from) break;
    from = last + 1;
  }
  if (found) return std::move(*found);
  return fail(make_error(ErrorKind::NotFound, "chunk tree", "no chunk for " + hex(wanted)).of(file.path()));
}

Result<void> map_btrfs(const File& file, const std::vector<FilePiece>& pieces, SwapFilePlace& place) {
  std::optional<std::uint64_t> device;
  constexpr std::size_t kMostPieces = 4096;  // looked at for further devices
  for (std::size_t i = 0; i < std::min(pieces.size(), kMostPieces); ++i) {
    TRY(const FoundChunk chunk, find_chunk(file, pieces[i].device_offset));
    TRY(const ChunkPlace found, place_in_chunk(chunk.item, chunk.logical, pieces[i].device_offset));
    if (i == 0) place.first_byte = found.physical;
    place.spans_devices = place.spans_devices || (device && *device != found.device);
    device = found.device;
  }
  return {};
}

}  // namespace

Result<ChunkPlace> place_in_chunk(ByteView item, std::uint64_t logical, std::uint64_t wanted) {
  Cursor cursor(item, 0, "btrfs chunk");
  TRY(const le64 length, cursor.read<le64>("length"));
  TRY_OK(cursor.bytes(16, "owner and stripe length"));
  TRY(const le64 type, cursor.read<le64>("type"));
  TRY_OK(cursor.bytes(12, "sector sizes"));
  TRY(const le16 stripes, cursor.read<le16>("number of stripes"));
  TRY_OK(cursor.bytes(2, "sub stripes"));
  TRY(const le64 device, cursor.read<le64>("device"));
  TRY(const le64 offset, cursor.read<le64>("offset"));
  if (wanted < logical || wanted - logical >= length)
    return fail(cursor.corrupt("length", hex(length), fmt::format("a chunk that holds {}", hex(wanted))));
  if (stripes == 0 || stripes > kMaxStripes)
    return fail(cursor.corrupt("number of stripes", std::to_string(std::uint16_t{stripes}), "1 to 1024"));
  if ((type & BTRFS_BLOCK_GROUP_PROFILE_MASK) != 0)
    return fail(make_error(ErrorKind::Unsupported, "btrfs chunk: type",
                           "data that is kept twice or in stripes",
                           "the profile \"single\", which swap needs"));
  const auto physical = checked_add<std::uint64_t>(offset, wanted - logical);
  if (!physical) return fail(cursor.corrupt("offset", hex(offset), "a place on a device"));
  return ChunkPlace{device, *physical};
}

Result<SwapFilePlace> locate_swap_file(const std::string& path, std::uint64_t page_bytes) {
  if (page_bytes == 0) return fail(make_error(ErrorKind::Usage, "page size", "0"));
  TRY(const auto file, File::open(path));
  TRY(const auto pieces, file_pieces(*file));
  if (pieces.empty() || pieces.front().file_offset != 0)
    return fail(make_error(ErrorKind::Unsupported, "swap file", "no place of its own at its beginning",
                           "a file without holes, not compressed")
                    .of(path));
  SwapFilePlace place;
  place.pieces = pieces.size();
  for (const FilePiece& piece : pieces) place.is_shared = place.is_shared || piece.is_shared;
  place.first_byte = pieces.front().device_offset;
  if (is_btrfs(*file)) TRY_OK(map_btrfs(*file, pieces, place));
  if (place.first_byte % page_bytes != 0)
    return fail(make_error(ErrorKind::Unsupported, "swap file",
                           fmt::format("a beginning at byte {} of the device", place.first_byte),
                           "one at a page's boundary: a file system with blocks as large as pages")
                    .of(path));
  place.offset_pages = place.first_byte / page_bytes;
  return place;
}

Result<void> check_mounted(const std::string& folder, const std::string& mountinfo) {
  const auto refuse = [&](const char* found) {
    return fail(make_error(ErrorKind::Unsupported, "swap file", found,
                           "the file system itself, mounted: a file that was copied lies elsewhere")
                    .of(folder));
  };
  std::error_code error;
  const std::string point = std::filesystem::canonical(folder, error).string();
  if (error) return fail(system_error("realpath", error.value()).of(folder));
  const auto mounts = device::mounts_from_text(mountinfo);
  const auto mount = std::find_if(mounts.rbegin(), mounts.rend(),
                                  [&](const device::Mount& each) { return each.point == point; });
  if (mount == mounts.rend()) return refuse("a folder that nothing is mounted at");
  // Of btrfs it may be a subvolume.
  if (mount->root != "/" && mount->type != "btrfs") return refuse("a folder of a file system");
  return {};
}

Result<SwapFilePlace> locate_swap_file_of(const device::Tree& tree, const std::string& path,
                                          std::uint64_t page_bytes, const std::string& mountinfo) {
  const auto here = tree.path_here(path);
  if (!here) return fail(make_error(ErrorKind::NotFound, "swap file", "not there").of(path));
  if (!tree.is_live()) TRY_OK(check_mounted(tree.path_here("/").value_or(""), mountinfo));
  return locate_swap_file(*here, page_bytes);
}

}  // namespace hib::diagnose::boot
