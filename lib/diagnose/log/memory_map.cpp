#include "lib/diagnose/log/memory_map.h"

#include <charconv>

namespace hib::diagnose::logs {
namespace {

struct E820Name {
  std::string_view printed;
  std::uint32_t type;
  const char* name;
};

// As arch/x86/kernel/e820.c prints them, and as it names them in /sys/firmware/memmap.
constexpr E820Name kE820Names[] = {
    {"usable", 1, "System RAM"},
    {"System RAM", 1, "System RAM"},
    {"reserved", 2, "Reserved"},
    {"device reserved", 2, "Reserved"},
    {"ACPI data", 3, "ACPI Tables"},
    {"ACPI NVS", 4, "ACPI Non-volatile Storage"},
    {"unusable", 5, "Unusable memory"},
    {"persistent (type 7)", 7, "Persistent Memory"},
    {"persistent RAM (type 7)", 7, "Persistent Memory"},
    {"persistent (type 12)", 12, "Persistent Memory (legacy)"},
    {"persistent RAM (type 12)", 12, "Persistent Memory (legacy)"},
    {"soft reserved", 0xEFFFFFFF, "Soft Reserved"},
};

bool skip_e820(std::string_view& line, std::string_view word) {
  if (!line.starts_with(word)) return false;
  line.remove_prefix(word.size());
  return true;
}

std::optional<std::uint64_t> e820_number(std::string_view& line) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), number, 16);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  return number;
}

MemoryMapEntry e820_type(std::string_view printed) {
  for (const E820Name& known : kE820Names) {
    if (printed == known.printed) return {0, 0, known.type, known.name};
  }
  return {0, 0, 0, std::string(printed)};
}

}  // namespace

std::optional<MemoryMapEntry> memory_map_entry(std::string_view line) {
  if (!skip_e820(line, "BIOS-e820: ")) return std::nullopt;
  const bool is_new = skip_e820(line, "[mem 0x");
  const auto start = e820_number(line);
  if (!start || !skip_e820(line, is_new ? "-0x" : " - ")) return std::nullopt;
  const auto end = e820_number(line);
  if (!end || !skip_e820(line, is_new ? "] " : " (")) return std::nullopt;
  if (!is_new && !line.ends_with(')')) return std::nullopt;
  if (!is_new) line.remove_suffix(1);
  while (line.starts_with(' ')) line.remove_prefix(1);

  const std::uint64_t size = is_new ? *end - *start + 1 : *end - *start;  // 0 where it is the whole space
  if (*end < *start || size == 0) return std::nullopt;
  MemoryMapEntry entry = e820_type(line);
  entry.start = *start;
  entry.size = size;
  return entry;
}

}  // namespace hib::diagnose::logs
