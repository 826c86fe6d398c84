// Which memory there is: all of it has to be known to the saver, and to be there when the machine comes back.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/check/checks.h"

namespace hib::jump::checks {
namespace {

constexpr const char* kMap = "/proc/iomem";

// Memory that drivers have added, by its names: "System RAM (kmem)".
std::set<std::string> kinds_of_driver(const std::vector<IomemLine>& lines) {
  std::set<std::string> names;
  for (const IomemLine& line : lines) {
    if (line.name.starts_with("System RAM (")) names.insert(line.name);
  }
  return names;
}

std::uint64_t bytes_of(const std::vector<MemoryRange>& ranges) {
  std::uint64_t bytes = 0;
  for (const MemoryRange& range : ranges) bytes += range.bytes;
  return bytes;
}

void check_ranges(Sheet& sheet) {
  constexpr std::string_view kCode = "memory";
  const Facts& facts = sheet.facts;
  const auto drivers = kinds_of_driver(facts.memory);
  for (const std::string& name : drivers) {
    const std::uint64_t bytes = bytes_of(memory_ranges(facts.memory, name));
    sheet.refuse(kCode,
                 fmt::format("{}a driver manages as \"{}\": it would not be saved",
                             bytes == 0 ? "memory that " : human_bytes(bytes) + " that ", name),
                 kMap, "take that memory offline, and keep its driver from loading");
  }
  if (!drivers.empty()) return;
  if (!facts.sees_addresses) {
    sheet.unknown(kCode, "where memory lies is not shown: needs root", kMap);
    return;
  }
  const auto ranges = memory_ranges(facts.memory, kSystemRam);
  sheet.ok(kCode, fmt::format("{} in {}", human_bytes(bytes_of(ranges)), counted(ranges.size(), "piece")),
           kMap);
  const auto low = static_cast<std::size_t>(std::count_if(
      ranges.begin(), ranges.end(), [](const MemoryRange& range) { return range.start < kLowEnd; }));
  if (low > kMaxLowRanges)
    sheet.refuse("memory-low",
                 fmt::format("{} below 640 KiB; up to {} are saved", counted(low, "piece"), kMaxLowRanges),
                 kMap);
}

void check_added_memory(Sheet& sheet) {
  const auto acpi = sheet.facts.reader.names("/sys/bus/acpi/devices");
  if (std::any_of(acpi.begin(), acpi.end(),
                  [](const std::string& name) { return name.starts_with("PNP0C80"); }))
    sheet.warn("memory-hotplug", "memory can be added while the machine runs", "/sys/bus/acpi/devices",
               "arm again after that");
  const auto virtio = sheet.facts.reader.names("/sys/bus/virtio/drivers/virtio_mem");
  if (std::any_of(virtio.begin(), virtio.end(),
                  [](const std::string& name) { return name.starts_with("virtio"); }))
    sheet.refuse("virtio-mem", "virtio-mem: its memory is gone when the machine restarts",
                 "/sys/bus/virtio/drivers/virtio_mem");
}

// Pages that the saver must not read, and does not.
void check_bad_memory(Sheet& sheet) {
  constexpr std::string_view kCode = "memory-bad";
  if (const std::uint64_t bytes = sheet.facts.kernel.memory_of("HardwareCorrupted"); bytes != 0)
    sheet.warn(kCode, fmt::format("{} of memory are poisoned: not read, and not saved", human_bytes(bytes)),
               "/proc/meminfo");
  const auto virtio = sheet.facts.reader.names("/sys/bus/virtio/drivers/virtio_balloon");
  const bool is_virtio = std::any_of(virtio.begin(), virtio.end(),
                                     [](const std::string& name) { return name.starts_with("virtio"); });
  if (is_virtio || sheet.facts.tree.exists("/sys/module/vmw_balloon"))
    sheet.ok("memory-balloon", "what a balloon holds of this virtual machine's memory is not saved",
             is_virtio ? "/sys/bus/virtio/drivers/virtio_balloon" : "/sys/module/vmw_balloon");
}

// The kernel copies what ACPI's firmware keeps in memory when it begins to hibernate. The jump ends that
// before the kernel would give the copy back.
void check_firmware_memory(Sheet& sheet) {
  constexpr std::uint64_t kMentioned = 1 << 20;
  const auto& parameters = sheet.facts.parameters;
  const bool is_copied =
      !parameters || std::none_of(parameters->begin(), parameters->end(), [](const auto& one) {
        return one.starts_with("acpi_sleep=") && one.find("nonvs") != std::string::npos;
      });
  const std::uint64_t bytes = bytes_of(memory_ranges(sheet.facts.memory, "ACPI Non-volatile Storage"));
  if (is_copied && bytes >= kMentioned)
    sheet.warn(
        "memory-firmware",
        fmt::format("each jump costs {} of memory until the next boot: a copy of ACPI's own memory (NVS)",
                    human_bytes(bytes)),
        kMap, "boot with acpi_sleep=nonvs");
}

void check_free_pages(Sheet& sheet) {
  for (const std::string_view parameter : {"init_on_free=1", "page_poison=1"}) {
    if (!sheet.facts.has_parameter(parameter)) continue;
    sheet.warn("free-pages", fmt::format("{}: free pages are saved, too", parameter), "/proc/cmdline");
    return;
  }
}

}  // namespace

void check_memory(Sheet& sheet) {
  check_ranges(sheet);
  check_added_memory(sheet);
  check_bad_memory(sheet);
  check_firmware_memory(sheet);
  check_free_pages(sheet);
}

}  // namespace hib::jump::checks
