#include "lib/os/partitions.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "lib/os/blkid_probe.h"

namespace hib {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // libblkid's unit, whatever the device's
constexpr int kMaxPartitions = 1024;
constexpr std::uint64_t kLookedAtBytes = 1 << 20;  // at either end of a device

constexpr std::uint64_t kMaxSectors = std::uint64_t{1} << 48;
constexpr std::size_t kMaxLogical = 256;  // links of a chain of logical partitions

// A DOS partition table, in the first sector of a disk and of each logical partition.
struct DosEntry {
  std::array<std::byte, 4> other;
  std::uint8_t type;
  std::array<std::byte, 3> more;
  le32 start;  // in sectors
  le32 sectors;

  bool is_extended() const { return type == 0x05 || type == 0x0f || type == 0x85; }
};
struct DosTable {
  std::array<std::byte, 446> code;
  std::array<DosEntry, 4> entries;
  be16 signature;  // 0x55aa
};
static_assert(sizeof(DosTable) == kSectorBytes);

std::optional<std::uint32_t> start_of_extended(const DosTable& table) {
  if (table.signature != 0x55aa) return std::nullopt;
  const auto entry = std::find_if(table.entries.begin(), table.entries.end(),
                                  [](const DosEntry& one) { return one.is_extended(); });
  return entry == table.entries.end() ? std::nullopt : std::optional<std::uint32_t>(entry->start);
}

// Holes, for libblkid, which reads descriptors only. Invalid where there is none to be had.
Fd empty_copy(std::uint64_t size) {
  Fd copy(::memfd_create("for libblkid", MFD_CLOEXEC));
  return copy && ::ftruncate(copy.get(), static_cast<off_t>(size)) == 0 ? std::move(copy) : Fd();
}

bool copy_piece(const File& file, std::uint64_t offset, MutableBytes bytes, const Fd& to, std::uint64_t at) {
  return file.read_at(offset, bytes) &&
         ::pwrite(to.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) ==
             static_cast<ssize_t>(bytes.size());
}

// The first bytes of a part of a disk that has no descriptor.
Fd copy_of_start(const File& file, std::uint64_t offset, std::uint64_t size) {
  Fd copy = empty_copy(size);
  std::vector<std::byte> bytes(std::min(size, kLookedAtBytes));
  return copy && copy_piece(file, offset, bytes, copy, 0) ? std::move(copy) : Fd();
}

// The size of the disk by its GPT, whose second copy is the last sector; 0: there is none. libblkid takes no
// table of a disk that is smaller.
std::uint64_t size_by_gpt(const File& file) {
  struct GptHeader {
    std::array<char, 8> signature;
    std::array<std::byte, 24> other;
    le64 second_copy;  // in sectors
  };
  GptHeader header{};
  if (file.size() < kSectorBytes + sizeof header) return 0;
  const auto raw = file.read_at(kSectorBytes, sizeof header);
  if (!raw) return 0;
  std::memcpy(&header, raw->data(), sizeof header);
  if (std::string_view(header.signature.data(), header.signature.size()) != "EFI PART") return 0;
  return header.second_copy < kMaxSectors ? (header.second_copy + 1) * kSectorBytes : 0;
}

// The tables of a disk that has no descriptor or is cut, at their places in a file that is empty but for
// them.
Fd copy_of_tables(const File& file, std::uint64_t disk_bytes) {
  Fd copy = empty_copy(disk_bytes);
  std::vector<std::byte> ends(std::min(file.size(), kLookedAtBytes));
  const auto keep = [&](std::uint64_t offset, MutableBytes bytes) {
    return copy_piece(file, offset, bytes, copy, offset);
  };
  if (!copy || !keep(file.size() - ends.size(), ends) || !keep(0, ends)) return {};
  DosTable table{};
  if (ends.size() < sizeof table) return copy;
  std::memcpy(&table, ends.data(), sizeof table);
  const auto first = start_of_extended(table);
  std::optional<std::uint64_t> next = first;
  for (std::size_t link = 0; next && link < kMaxLogical; ++link) {
    std::array<std::byte, sizeof table> sector{};
    if (!keep(*next * kSectorBytes, sector)) break;
    std::memcpy(&table, sector.data(), sizeof table);
    const auto relative = start_of_extended(table);  // to the first link
    next = relative ? std::optional<std::uint64_t>(std::uint64_t{*first} + *relative) : std::nullopt;
  }
  return copy;
}

}  // namespace

std::vector<Partition> list_partitions(const File& file) {
  std::vector<Partition> partitions;
  const BlkidProbe probe(blkid_new_probe());
  const std::uint64_t disk_bytes = std::max(file.size(), size_by_gpt(file));
  const bool needs_copy = file.descriptor() < 0 || disk_bytes > file.size();
  const Fd copy = needs_copy ? copy_of_tables(file, disk_bytes) : Fd();
  const int descriptor = copy ? copy.get() : file.descriptor();
  if (!probe || blkid_probe_set_device(probe.get(), descriptor, 0, 0) != 0) return partitions;
  blkid_probe_enable_partitions(probe.get(), 1);
  const blkid_partlist list = blkid_probe_get_partitions(probe.get());
  if (list == nullptr) return partitions;
  const int count = std::min(blkid_partlist_numof_partitions(list), kMaxPartitions);
  for (int i = 0; i < count; ++i) {
    const blkid_partition partition = blkid_partlist_get_partition(list, i);
    if (partition == nullptr || blkid_partition_is_extended(partition) != 0) continue;
    const auto start = static_cast<std::uint64_t>(blkid_partition_get_start(partition));
    const auto size = static_cast<std::uint64_t>(blkid_partition_get_size(partition));
    if (start >= file.size() / kSectorBytes) continue;
    const std::uint64_t there = std::min(size, file.size() / kSectorBytes - start);
    partitions.push_back({blkid_partition_get_partno(partition), start * kSectorBytes, there * kSectorBytes,
                          (size - there) * kSectorBytes});
  }
  return partitions;
}

std::string content_name(const File& file) { return content_name(file, 0, file.size()); }

std::string content_name(const File& file, std::uint64_t offset, std::uint64_t size) {
  const BlkidProbe probe(blkid_new_probe());
  const Fd copy = file.descriptor() < 0 ? copy_of_start(file, offset, size) : Fd();
  const int descriptor = copy ? copy.get() : file.descriptor();
  const off_t start = copy ? 0 : static_cast<off_t>(offset);
  if (!probe || blkid_probe_set_device(probe.get(), descriptor, start, static_cast<off_t>(size)) != 0)
    return "";
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE);
  blkid_probe_enable_partitions(probe.get(), 1);
  const int found = blkid_do_safeprobe(probe.get());
  if (found == -2) return "more than one thing";
  const char* name = nullptr;
  if (found == 0 && blkid_probe_lookup_value(probe.get(), "TYPE", &name, nullptr) == 0) return name;
  if (found == 0 && blkid_probe_lookup_value(probe.get(), "PTTYPE", &name, nullptr) == 0)
    return std::string(name) + " partition table";
  return "";
}

Result<std::string> what_lies_on(const File& device) {
  if (std::string name = content_name(device); !name.empty()) return name;
  const std::uint64_t count = std::min(device.size(), kLookedAtBytes);
  for (const std::uint64_t start : {std::uint64_t{0}, device.size() - count}) {
    TRY(const auto bytes, device.read_at(start, count));
    const auto other =
        std::find_if(bytes.begin(), bytes.end(), [](std::byte b) { return b != std::byte{0}; });
    if (other == bytes.end()) continue;
    return fmt::format("data at {:#x}", start + static_cast<std::uint64_t>(other - bytes.begin()));
  }
  return std::string();
}

}  // namespace hib
