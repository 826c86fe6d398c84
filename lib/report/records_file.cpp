#include "lib/report/records_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/nearest.h"
#include "lib/base/text.h"
#include "lib/jump/memory_record.h"
#include "lib/jump/module/suspend_records.h"
#include "lib/jump/processor.h"
#include "lib/jump/record.h"
#include "lib/jump/records.h"
#include "lib/os/file.h"
#include "lib/report/json.h"

namespace hib::report {
namespace {

constexpr std::uint64_t kMaxProbeBytes = 256U
                                         << 20;  // JSON is longer than the record, which has at most 64 MiB
constexpr std::uint64_t kLookedAtBytes = 4096;
constexpr std::string_view kSchema = "hibtool.probe";

// An object that names the schema among its first bytes; no image begins like that.
Result<bool> looks_like_a_probe(const File& file) {
  TRY(const auto head, file.read_at(0, std::min(file.size(), kLookedAtBytes)));
  const std::string_view text = as_text(head);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' &&
         text.find("\"hibtool.probe\"") != std::string_view::npos;
}

std::vector<std::string> known_types() {
  return {std::string(kLiveRecord),
          std::string(kMachineRecord),
          std::string(kProcessorsRecord),
          std::string(kDevicesRecord),
          std::string(kSwappedRecord),
          std::string(kSwapAreasRecord),
          std::string(kProvenanceRecord),
          std::string(kSalvagedRecord),
          std::string(jump::kJumpRecord),
          std::string(jump::kMemoryRecord),
          std::string(jump::kProcessorRecord),
          std::string(jump::kSuspendRecord)};
}

}  // namespace

std::vector<std::string> notes_of_types(const std::vector<Record>& records) {
  const std::vector<std::string> known = known_types();
  std::vector<std::string> notes;
  for (const Record& record : records) {
    const bool is_known = std::find(known.begin(), known.end(), record.type) != known.end();
    const std::string meant = is_known ? "" : nearest(record.type, known);
    if (meant.empty()) continue;
    notes.push_back(fmt::format("record type \"{}\" is none that hibtool knows; did you mean \"{}\"?",
                                printable(record.type), meant));
  }
  return notes;
}

Result<std::vector<Record>> read_records_file(const std::string& path) {
  TRY(const auto file, File::open(path));
  TRY(const auto text, file->read_at(0, std::min<std::uint64_t>(file->size(), kMaxRecordBytes + 1)));
  return records_from_json(std::string(as_text(text)), path);
}

Result<std::optional<std::vector<Record>>> read_probe_file(const std::string& path) {
  if (path == "-") return std::optional<std::vector<Record>>();  // an image: it is read once
  TRY(const auto file, File::open(path));
  TRY(const bool is_probe, looks_like_a_probe(*file));
  if (!is_probe) return std::optional<std::vector<Record>>();
  if (file->size() > kMaxProbeBytes) {
    return fail(file->error(ErrorKind::Limit, 0, "probe", std::to_string(file->size()) + " bytes",
                            "at most 256 MiB"));
  }
  TRY(const auto bytes, file->read_at(0, file->size()));
  const std::string text(as_text(bytes));
  const Json document = Json::parse(text, nullptr, false);
  const bool has_schema = document.is_object() && document.contains("schema") &&
                          document["schema"].is_string() && document["schema"].get<std::string>() == kSchema;
  if (!has_schema) {
    return fail(file->error(ErrorKind::Corrupt, 0, "probe", "not a whole JSON document of this schema",
                            std::string(kSchema)));
  }
  TRY(auto records, records_from_json(text, path));
  return std::optional<std::vector<Record>>(std::move(records));
}

Result<std::vector<std::vector<MemoryMapEntry>>> read_memory_maps(const std::vector<std::string>& files) {
  std::vector<std::vector<MemoryMapEntry>> maps;
  for (const std::string& path : files) {
    TRY(const auto records, read_records_file(path));
    if (auto map = jump::recorded_memory_map(records); !map.empty()) maps.push_back(std::move(map));
  }
  return maps;
}

}  // namespace hib::report
