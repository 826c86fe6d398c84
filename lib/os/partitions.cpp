#include "lib/os/partitions.h"

#include <blkid/blkid.h>

#include <algorithm>
#include <memory>

#include <fmt/format.h>

namespace hib {
namespace {

constexpr std::uint64_t kSectorBytes = 512;  // libblkid's unit, whatever the device's
constexpr int kMaxPartitions = 1024;
constexpr std::uint64_t kLookedAtBytes = 1 << 20;  // at either end of a device

struct FreeProbe {
  void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};

}  // namespace

std::vector<Partition> list_partitions(const File& file) {
  std::vector<Partition> partitions;
  const std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe> probe(blkid_new_probe());
  if (!probe || blkid_probe_set_device(probe.get(), file.descriptor(), 0, 0) != 0) return partitions;
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
    partitions.push_back({blkid_partition_get_partno(partition), start * kSectorBytes,
                          std::min(size, file.size() / kSectorBytes - start) * kSectorBytes});
  }
  return partitions;
}

std::string content_name(const File& file) {
  const std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeProbe> probe(blkid_new_probe());
  if (!probe || blkid_probe_set_device(probe.get(), file.descriptor(), 0, 0) != 0) return "";
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
