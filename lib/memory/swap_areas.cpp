#include "lib/memory/swap_areas.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/memory/kernel.h"
#include "lib/memory/path.h"

namespace hib::memory {
namespace {

constexpr std::string_view kArea = "swap_info_struct";

// include/linux/swap.h
constexpr std::uint64_t kSwpUsed = 1;
constexpr std::uint64_t kSwpWriteOk = 2;
constexpr std::byte kFree{0};
constexpr std::byte kBad{0x3F};                             // SWAP_MAP_BAD
constexpr std::byte kHasCache{0x40};                        // SWAP_HAS_CACHE
constexpr std::uint64_t kOffList = std::uint64_t{1} << 30;  // SWAP_USAGE_OFFLIST_BIT

constexpr std::uint64_t kFileTypeBits = 0170000;  // S_IFMT
constexpr std::uint64_t kBlockDevice = 0060000;   // S_IFBLK
constexpr std::size_t kMaxDeviceName = 64;

// ---- slots

// The slots below `count` for which `is_in` holds.
template <typename Predicate>
SlotRuns runs_where(std::uint64_t count, Predicate is_in) {
  SlotRuns runs;
  for (std::uint64_t slot = 0; slot < count; ++slot) {
    if (!is_in(slot)) continue;
    if (!runs.empty() && runs.back().first + runs.back().count == slot)
      ++runs.back().count;
    else
      runs.push_back({slot, 1});
  }
  return runs;
}

bool is_used(std::byte slot) { return slot != kFree && slot != kBad; }

// The used slots of a bitmap that the kernel keeps beside swap_map; none where it has none.
Result<SlotRuns> used_in_bitmap(const Kernel& kernel, Address area, std::string_view member, ByteView map) {
  TRY(const bool exists, has_member(kernel.types, kArea, member));
  if (!exists) return SlotRuns();
  TRY(const Address place, kernel.number(area, kArea, member));
  if (place == 0) return SlotRuns();
  TRY(const std::vector<std::byte> bits, kernel.memory.bytes(place, (map.size() + 7) / 8));
  return runs_where(map.size(), [&](std::uint64_t slot) {
    return is_used(map[slot]) && (bits[slot / 8] >> (slot % 8) & std::byte{1}) != std::byte{0};
  });
}

Result<void> read_slots(const Kernel& kernel, Address area, SwapArea& out) {
  TRY(const Address place, kernel.number(area, kArea, "swap_map"));
  if (out.slots > kernel.memory.memory_bytes())
    return fail(make_error(ErrorKind::Corrupt, "max", std::to_string(out.slots),
                           fmt::format("at most {}: a byte of memory each", kernel.memory.memory_bytes())));
  TRY(const std::vector<std::byte> map, kernel.memory.bytes(place, out.slots));
  out.used = runs_where(map.size(), [&](std::uint64_t slot) { return is_used(map[slot]); });
  out.bad = runs_where(map.size(), [&](std::uint64_t slot) { return map[slot] == kBad; });
  out.cached_slots = runs_where(map.size(), [&](std::uint64_t slot) {
    return is_used(map[slot]) && (map[slot] & kHasCache) != std::byte{0};
  });
  TRY(out.zero_slots, used_in_bitmap(kernel, area, "zeromap", map));
  TRY(out.zswap_slots, used_in_bitmap(kernel, area, "frontswap_map", map));
  return {};
}

// Pages that zswap holds, of all areas.
std::uint64_t pages_in_zswap(const Kernel& kernel) {
  const auto counter = kernel.symbols.address_of("zswap_stored_pages");
  if (!counter) return 0;
  const auto pages = kernel.memory.object<le32>(*counter);  // atomic_t or, later, atomic_long_t
  return pages ? std::uint32_t{*pages} : 0;
}

// ---- what it lies on

template <typename T>
std::optional<T> if_read(Result<T> result) {
  return result ? std::optional<T>(std::move(*result)) : std::nullopt;
}

Result<std::string> device_name(const Kernel& kernel, Address device) {
  TRY(const Address name, kernel.number(device, "block_device", "bd_device.kobj.name"));
  return kernel.memory.text(name, kMaxDeviceName);
}

Result<std::string> disk_name(const Kernel& kernel, Address device) {
  TRY(const Address disk, kernel.number(device, "block_device", "bd_disk"));
  TRY(const Address name, kernel.field(disk, "gendisk", "disk_name"));
  return kernel.memory.text(name, kMaxDeviceName);
}

bool is_file(const Kernel& kernel, Address file) {
  const auto inode = kernel.number(file, "file", "f_inode");
  if (!inode) return false;
  const auto mode = kernel.number(*inode, "inode", "i_mode");
  return mode && (*mode & kFileTypeBits) != kBlockDevice;
}

void read_place(const Kernel& kernel, Address area, SwapArea& out) {
  if (const auto file = kernel.number(area, kArea, "swap_file")) {
    out.path = if_read(path_of_file(kernel, *file));
    out.is_file = is_file(kernel, *file);
  }
  if (const auto device = kernel.number(area, kArea, "bdev")) {
    out.device = if_read(device_name(kernel, *device));
    out.disk = if_read(disk_name(kernel, *device));
  }
  out.is_zram = out.disk && out.disk->starts_with("zram") && !out.is_file;
}

// ---- areas

// From Linux 6.13 on an atomic counter, with a flag among its bits.
Result<std::uint64_t> pages_in_use(const Kernel& kernel, Address area) {
  TRY(const std::uint64_t value, kernel.number(area, kArea, "inuse_pages"));
  TRY(const bool is_atomic, has_member(kernel.types, kArea, "inuse_pages.counter"));
  return is_atomic ? value & ~kOffList : value;
}

// Nothing where the area is not in use.
Result<std::optional<SwapArea>> read_area(const Kernel& kernel, std::uint64_t type, Address area) {
  TRY(const std::uint64_t flags, kernel.number(area, kArea, "flags"));
  if ((flags & kSwpUsed) == 0 || (flags & kSwpWriteOk) == 0) return std::optional<SwapArea>();
  SwapArea out;
  out.type = type;
  TRY(out.slots, kernel.number(area, kArea, "max"));
  TRY(out.pages, kernel.number(area, kArea, "pages"));
  TRY(out.inuse_pages, pages_in_use(kernel, area));
  TRY_OK(read_slots(kernel, area, out));
  read_place(kernel, area, out);
  return std::optional<SwapArea>(std::move(out));
}

Result<void> check_swap_map(const Kernel& kernel) {
  TRY(const bool has_map, has_member(kernel.types, kArea, "swap_map"));
  if (has_map) return {};
  TRY(const bool has_clusters, has_member(kernel.types, kArea, "cluster_info"));
  return fail(make_error(ErrorKind::Unsupported, fmt::format("BTF: {}", kArea),
                         has_clusters ? "cluster_info and no swap_map" : "no swap_map",
                         "swap_map, as Linux 6.1 and 6.12 have it"));
}

Result<std::vector<SwapArea>> read_areas(const Kernel& kernel) {
  TRY_OK(check_swap_map(kernel));
  TRY(const Address table, kernel.symbols.address_of("swap_info"));
  TRY(const Address count_place, kernel.symbols.address_of("nr_swapfiles"));
  TRY(const le32 stored, kernel.memory.object<le32>(count_place));
  const std::uint64_t count = std::uint32_t{stored};
  if (count > kMaxSwapAreas)
    return fail(make_error(ErrorKind::Corrupt, "nr_swapfiles", std::to_string(count),
                           fmt::format("at most {}", kMaxSwapAreas)));
  std::vector<SwapArea> areas;
  for (std::uint64_t type = 0; type < count; ++type) {
    const std::string where = fmt::format("swap_info[{}]", type);
    TRY(const Address place, kernel.memory.word(table + type * sizeof(le64)));
    auto area = read_area(kernel, type, place);
    if (!area) return fail(std::move(area).error().in(where));
    if (*area) areas.push_back(std::move(**area));
  }
  const std::uint64_t in_zswap = pages_in_zswap(kernel);
  std::uint64_t known = 0;
  for (const SwapArea& area : areas) known += slot_count(area.zswap_slots);
  for (SwapArea& area : areas) area.others_in_zswap = in_zswap > known;
  return areas;
}

}  // namespace

std::uint64_t slot_count(const SlotRuns& runs) {
  std::uint64_t count = 0;
  for (const SlotRun& run : runs) count += run.count;
  return count;
}

Result<std::vector<SwapArea>> swap_areas(const ImageReader& image) {
  TRY(const Kernel kernel, Kernel::open(image));
  auto areas = read_areas(kernel);
  if (!areas) return fail(std::move(areas).error().of(image.info().path));
  return areas;
}

}  // namespace hib::memory
