#include "lib/ops/added_records.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

namespace hib {
namespace {

// Fields of the record "machine" that are about a kernel: those that memory may say too, and those that only
// the kernel itself says.
constexpr std::array<std::string_view, 8> kOfMemory = {
    "release", "version", "machine", "page_size", "vmcoreinfo", "kaslr_slide", "phys_base", "page_offset"};
constexpr std::array<std::string_view, 2> kOfKernel = {"command_line", "module"};

bool has(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::optional<OtherKernel> difference(const Record& memory, const Record& added) {
  for (const char* name : {"release", "version"}) {
    const std::string* here = memory.text(name);
    const std::string* there = added.text(name);
    if (here != nullptr && there != nullptr && *here != *there) return OtherKernel{*here, *there};
  }
  return std::nullopt;
}

bool is_left_out(const Record& record, const Field& field, bool of_other_kernel) {
  if (record.type != kMachineRecord) return false;
  if (has(kOfMemory, field.name)) return of_other_kernel || record.find(field.name) != nullptr;
  return of_other_kernel && has(kOfKernel, field.name);
}

void add_fields(Record& record, const Record& added) {
  const bool of_other_kernel = record.type == kMachineRecord && difference(record, added);
  FieldList wanted;
  std::copy_if(added.fields.begin(), added.fields.end(), std::back_inserter(wanted),
               [&](const Field& field) { return !is_left_out(record, field, of_other_kernel); });
  std::erase_if(record.fields, [&](const Field& field) {
    return std::any_of(wanted.begin(), wanted.end(), [&](const Field& w) { return w.name == field.name; });
  });
  std::move(wanted.begin(), wanted.end(), std::back_inserter(record.fields));
}

}  // namespace

std::optional<OtherKernel> other_kernel(const std::vector<Record>& records,
                                        const std::vector<Record>& added) {
  const Record* memory = find_record(records, kMachineRecord);
  if (memory == nullptr) return std::nullopt;
  for (const Record& record : added) {
    if (record.type != kMachineRecord) continue;
    if (auto other = difference(*memory, record)) return other;
  }
  return std::nullopt;
}

void add_records(std::vector<Record>& records, const std::vector<Record>& added) {
  for (const Record& record : added) {
    if (Record* earlier = find_record(records, record.type))
      add_fields(*earlier, record);
    else
      records.push_back(record);
  }
}

}  // namespace hib
