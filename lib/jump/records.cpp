#include "lib/jump/records.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "lib/device/probe/probe.h"
#include "lib/image/vmcore_notes.h"
#include "lib/jump/memory_record.h"
#include "lib/jump/module/iomem.h"
#include "lib/jump/module/suspend_records.h"
#include "lib/jump/processor.h"

namespace hib::jump {
namespace {

constexpr std::string_view kImageKey = "content.jump";  // in the identity of the disk that the image lies on

std::string command_line() {
  std::ifstream file("/proc/cmdline");
  std::string line;
  std::getline(file, line);
  return line;
}

template <typename T>
const T* value_in(const FieldList& fields, std::string_view name) {
  const auto it =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : std::get_if<T>(&it->value);
}

JumpRecord jump_record(const DeviceInfo& device, const JumpId& id) {
  JumpRecord jump;
  jump.id = id;
  jump.context = device.context;
  jump.region = device.region;
  jump.untested_series = device.untested_series;
  jump.untested_machine = device.untested_machine;
  jump.hardware_signature = read_machine("").hardware_signature;
  return jump;
}

// Where the memory cannot be read, the saver does not know of it either: arm has said why.
Result<void> add_jump_records(std::vector<Record>& records, const DeviceInfo& device, const JumpId& id) {
  TRY(const Processor processor, this_processor(&device));
  records.push_back(encode(processor));
  records.push_back(encode(jump_record(device, id)));
  MemoryRecord memory;
  auto ram = read_memory_ranges(kSystemRam);
  if (!ram) return {};
  memory.ram = std::move(*ram);
  records.push_back(encode(memory));
  return {};
}

}  // namespace

std::vector<Record> records_of_this_machine() {
  return device::records_of(device::probe(device::Tree::live()));
}

Result<std::vector<Record>> records_on_leaving(const DeviceInfo& device, const JumpId& id,
                                               const std::string& target) {
  device::Probe found = device::probe(device::Tree::live());
  mark_image(found.devices, target, id, "hibernate");
  std::vector<Record> records = device::records_of(found);
  TRY_OK(add_jump_records(records, device, id));
  return records;
}

Result<std::vector<Record>> records_on_arming(const DeviceInfo& device, const JumpId& id) {
  std::vector<Record> records;
  records.push_back(device::probe_machine(device::Tree::live()));
  TRY_OK(add_jump_records(records, device, id));
  return records;
}

std::string add_left_records(std::vector<Record>& records, const Device& device, const Context& context) {
  auto left = read_left_records(
      context.records, [&](std::uint64_t address, MutableBytes out) { return device.read(address, out); });
  for (Record& record : left.records) {
    if (Record* earlier = find_record(records, record.type))
      *earlier = std::move(record);
    else
      records.push_back(std::move(record));
  }
  std::string problems;
  for (const std::string& problem : left.problems) problems += (problems.empty() ? "" : "; ") + problem;
  if (Record* jump = find_record(records, kJumpRecord); jump != nullptr && !problems.empty())
    jump->set("records_missing", problems);
  return problems;
}

Result<void> add_registers(std::vector<Record>& records, const Device& device, std::uint64_t address) {
  std::vector<std::byte> page(kPageBytes);
  TRY_OK(device.read(address, page));
  std::vector<Finding> findings;
  auto notes = records_from_notes(parse_notes(page, address, findings));
  std::move(notes.begin(), notes.end(), std::back_inserter(records));
  return {};
}

Result<void> add_saved_by(std::vector<Record>& records, bool has_stood_by) {
  Record* record = find_record(records, kJumpRecord);
  if (record == nullptr) return fail(make_error(ErrorKind::Corrupt, "records", "no record \"jump\"", "one"));
  TRY(JumpRecord jump, decode_jump_record(*record));
  const Machine here = read_machine("");
  jump.saved_by = SavedBy{here.release, here.version, command_line(), has_stood_by};
  *record = encode(jump);
  return {};
}

std::vector<MemoryMapEntry> recorded_memory_map(const std::vector<Record>& records) {
  std::vector<MemoryMapEntry> map;
  const Record* machine = find_record(records, kMachineRecord);
  const auto* regions = machine == nullptr ? nullptr : value_in<FieldList>(machine->fields, "memory_map");
  if (regions == nullptr) return map;
  for (const Field& region : *regions) {
    const auto* fields = std::get_if<FieldList>(&region.value);
    if (fields == nullptr) continue;
    const auto* first = value_in<std::uint64_t>(*fields, "first");
    const auto* last = value_in<std::uint64_t>(*fields, "last");
    const auto* type = value_in<std::string>(*fields, "type");
    if (first == nullptr || last == nullptr || type == nullptr) continue;
    map.push_back({*first, *last - *first + 1, memory_type(*type), *type});
  }
  return map;
}

void mark_image(device::DeviceSet& set, const std::string& path, const JumpId& id, std::string_view source) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::canonical(path, error);
  const std::string name = (error ? std::filesystem::path(path) : found).filename();
  for (device::Device& item : set.devices) {
    const bool holds_data = item.kind == device::Kind::Disk || item.kind == device::Kind::Partition;
    if (!holds_data || item.name != name) continue;
    item.identity.push_back(
        {std::string(kImageKey), to_text(id), std::string(source), device::Strength::Strong});
    item.state.push_back({"image", "", std::string(source)});
  }
}

}  // namespace hib::jump
