#include "cli/jump_records.h"

#include <algorithm>
#include <fstream>

namespace hib::cli {
namespace {

std::string command_line() {
  std::ifstream file("/proc/cmdline");
  std::string line;
  std::getline(file, line);
  return line;
}

Field region_of(const MemoryMapEntry& entry) {
  return {"region", FieldList{{"first", entry.start}, {"last", entry.start + entry.size - 1}, {"type", entry.name}}};
}

const std::uint64_t* number_in(const FieldList& fields, std::string_view name) {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : std::get_if<std::uint64_t>(&it->value);
}

const std::string* text_in(const FieldList& fields, std::string_view name) {
  const auto it = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : std::get_if<std::string>(&it->value);
}

}  // namespace

std::vector<Record> records_of_a(const jump::DeviceInfo& device, const jump::JumpId& id, const std::vector<MemoryMapEntry>& firmware_map) {
  FieldList regions;
  for (const MemoryMapEntry& entry : firmware_map) regions.push_back(region_of(entry));
  Record machine{std::string(kMachineRecord), 1, {{"command_line", command_line()}, {"memory_map", std::move(regions)}}};
  Record jump{std::string(kJumpRecord), 1,
              {{"id", jump::to_text(id)}, {"context", device.context}, {"region_start", device.region.start}, {"region_bytes", device.region.bytes},
               {"untested_series", std::uint64_t{device.untested_series}}}};
  return {std::move(machine), std::move(jump)};
}

void add_saver(std::vector<Record>& records) {
  const auto jump = std::find_if(records.begin(), records.end(), [](const Record& record) { return record.type == kJumpRecord; });
  if (jump == records.end()) return;
  const Machine here = read_machine("");
  jump->set("saver_release", here.release);
  jump->set("saver_version", here.version);
  jump->set("saver_command_line", command_line());
}

std::vector<MemoryMapEntry> recorded_memory_map(const std::vector<Record>& records) {
  std::vector<MemoryMapEntry> map;
  const Record* machine = find_record(records, kMachineRecord);
  const Field* field = machine == nullptr ? nullptr : machine->find("memory_map");
  const auto* regions = field == nullptr ? nullptr : std::get_if<FieldList>(&field->value);
  if (regions == nullptr) return map;
  for (const Field& region : *regions) {
    const auto* fields = std::get_if<FieldList>(&region.value);
    if (fields == nullptr) continue;
    const std::uint64_t* first = number_in(*fields, "first");
    const std::uint64_t* last = number_in(*fields, "last");
    const std::string* type = text_in(*fields, "type");
    if (first == nullptr || last == nullptr || type == nullptr) continue;
    map.push_back({*first, *last - *first + 1, 0, *type});
  }
  return map;
}

}  // namespace hib::cli
