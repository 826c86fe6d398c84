#include "lib/os/firmware_map.h"

#include <array>
#include <cstdlib>

#include <fmt/format.h>

namespace hib {
namespace {

constexpr unsigned kMaxEntries = 4096;

// Names as firmware_map.c gets them from arch/x86/kernel/e820.c.
struct MemoryType {
  const char* name;
  std::uint32_t number;
};
constexpr std::array<MemoryType, 8> kMemoryTypes = {{{"System RAM", 1},
                                                     {"Reserved", 2},
                                                     {"ACPI Tables", 3},
                                                     {"ACPI Non-volatile Storage", 4},
                                                     {"Unusable memory", 5},
                                                     {"Persistent Memory", 7},
                                                     {"Persistent Memory (legacy)", 12},
                                                     {"Soft Reserved", 0xEFFFFFFF}}};

std::optional<std::uint64_t> number_in(const std::optional<std::string>& line) {
  if (!line || line->empty()) return std::nullopt;
  char* end = nullptr;
  const std::uint64_t number = std::strtoull(line->c_str(), &end, 0);
  return *end == '\0' ? std::optional(number) : std::nullopt;
}

}  // namespace

std::uint32_t memory_type(const std::string& name) {
  for (const MemoryType& type : kMemoryTypes) {
    if (name == type.name) return type.number;
  }
  return 0;
}

std::string name_of_memory_type(std::uint32_t type) {
  for (const MemoryType& known : kMemoryTypes) {
    if (type == known.number) return known.name;
  }
  return fmt::format("type {}", type);
}

std::vector<MemoryMapEntry> read_firmware_map(
    const std::function<std::optional<std::string>(const std::string& path)>& line_of) {
  std::vector<MemoryMapEntry> map;
  for (unsigned i = 0; i < kMaxEntries; ++i) {
    const std::string folder = fmt::format("/sys/firmware/memmap/{}/", i);
    const auto start = number_in(line_of(folder + "start"));
    const auto last = number_in(line_of(folder + "end"));
    auto name = line_of(folder + "type");
    if (!start || !last || !name) break;
    map.push_back({*start, *last - *start + 1, memory_type(*name), std::move(*name)});
  }
  return map;
}

}  // namespace hib
