#include "lib/report/records_file.h"

#include <algorithm>

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

}  // namespace

Result<std::vector<Record>> read_records_file(const std::string& path) {
  TRY(const auto file, File::open(path));
  TRY(const auto text, file->read_at(0, std::min<std::uint64_t>(file->size(), kMaxRecordBytes)));
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
