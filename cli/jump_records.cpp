#include "cli/jump_records.h"

#include <algorithm>
#include <fstream>

#include "cli/device_source.h"
#include "lib/device/probe.h"
#include "lib/image/vmcore_notes.h"
#include "lib/jump/suspend_records.h"

namespace hib::cli {
namespace {

std::string command_line() {
  std::ifstream file("/proc/cmdline");
  std::string line;
  std::getline(file, line);
  return line;
}

const std::uint64_t* number_in(const FieldList& fields, std::string_view name) {
  const auto it =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : std::get_if<std::uint64_t>(&it->value);
}

const std::string* text_in(const FieldList& fields, std::string_view name) {
  const auto it =
      std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return it == fields.end() ? nullptr : std::get_if<std::string>(&it->value);
}

}  // namespace

std::vector<Record> records_of_this_machine() {
  return device::records_of(device::probe(device::Tree::live()));
}

Record jump_record(const jump::DeviceInfo& device, const jump::JumpId& id) {
  Record jump;
  jump.type = kJumpRecord;
  jump.set("id", jump::to_text(id));
  jump.set("context", device.context);
  jump.set("region_start", device.region.start);
  jump.set("region_bytes", device.region.bytes);
  jump.set("untested_series", std::uint64_t{device.untested_series});
  return jump;
}

std::vector<Record> records_of_a(const jump::DeviceInfo& device, const jump::JumpId& id,
                                 const std::string& target) {
  device::Probe found = device::probe(device::Tree::live());
  mark_image(found.devices, target, jump::to_text(id), "hibernate");
  std::vector<Record> records = device::records_of(found);
  records.push_back(jump_record(device, id));
  return records;
}

std::vector<Record> first_records_of_a(const jump::DeviceInfo& device, const jump::JumpId& id) {
  std::vector<Record> records;
  records.push_back(device::probe_machine(device::Tree::live()));
  records.push_back(jump_record(device, id));
  return records;
}

std::string add_left_records(std::vector<Record>& records, const jump::Device& device,
                             const jump::Context& context) {
  auto left = jump::read_left_records(
      context.records, [&](std::uint64_t address, MutableBytes out) { return device.read(address, out); });
  for (Record& record : left.records) {
    const auto it = std::find_if(records.begin(), records.end(),
                                 [&](const Record& earlier) { return earlier.type == record.type; });
    if (it == records.end())
      records.push_back(std::move(record));
    else
      *it = std::move(record);
  }
  std::string problems;
  for (const std::string& problem : left.problems) problems += (problems.empty() ? "" : "; ") + problem;
  const auto jump = std::find_if(records.begin(), records.end(),
                                 [](const Record& record) { return record.type == kJumpRecord; });
  if (!problems.empty() && jump != records.end()) jump->set("records_missing", problems);
  return problems;
}

Result<void> add_registers(std::vector<Record>& records, const jump::Device& device, std::uint64_t address) {
  std::vector<std::byte> page(jump::kPageBytes);
  TRY_OK(device.read(address, page));
  std::vector<Finding> findings;
  auto notes = records_from_notes(parse_notes(page, address, findings));
  std::move(notes.begin(), notes.end(), std::back_inserter(records));
  return {};
}

void add_saver(std::vector<Record>& records, bool has_stood_by) {
  const auto jump = std::find_if(records.begin(), records.end(),
                                 [](const Record& record) { return record.type == kJumpRecord; });
  if (jump == records.end()) return;
  const Machine here = read_machine("");
  jump->set("saver_release", here.release);
  jump->set("saver_version", here.version);
  jump->set("saver_command_line", command_line());
  jump->set("saver_stood_by", std::uint64_t{has_stood_by});
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
