// The firmware's memory map as the kernel shows it in /sys/firmware/memmap: three files an entry, in the
// firmware's own order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hib {

struct MemoryMapEntry {
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::uint32_t type = 0;  // as e820 numbers them; 0 when the name is not known
  std::string name;

  std::uint64_t last() const { return start + size - 1; }
};

// "ACPI Tables", as the kernel has it in /sys/firmware/memmap; "type 14" where it has no name.
std::string name_of_memory_type(std::uint32_t type);
std::uint32_t memory_type(const std::string& name);  // 0 where the name is not known

// `line_of` gives the first line of a file, nothing where it cannot be read. The map ends before the first
// entry that is not whole.
std::vector<MemoryMapEntry> read_firmware_map(
    const std::function<std::optional<std::string>(const std::string& path)>& line_of);

}  // namespace hib
