#include "cli/device_source.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

#include "cli/render_json.h"
#include "lib/device/device_record.h"
#include "lib/device/probe.h"
#include "lib/os/file.h"

namespace hib::cli {
namespace {

constexpr std::uint64_t kMaxProbeBytes = 256U
                                         << 20;  // JSON is longer than the record, which has at most 64 MiB
constexpr std::uint64_t kLookedAtBytes = 4096;
constexpr std::string_view kSchema = "hibtool.probe";
constexpr std::string_view kImageKey =
    "content.jump";  // in the identity of the disk that the image lies on: the jump's id
constexpr auto kPause = std::chrono::milliseconds(50);  // between two looks at the devices

// An object that names the schema among its first bytes; no image begins like that.
Result<bool> looks_like_a_probe(const File& file) {
  TRY(const auto head, file.read_at(0, std::min(file.size(), kLookedAtBytes)));
  const std::string_view text = as_text(head);
  const std::size_t start = text.find_first_not_of(" \t\r\n");
  return start != std::string_view::npos && text[start] == '{' &&
         text.find("\"hibtool.probe\"") != std::string_view::npos;
}

}  // namespace

Result<std::optional<device::DeviceSet>> devices_in(const std::vector<Record>& records,
                                                    const std::string& file) {
  const Record* record = find_record(records, kDevicesRecord);
  if (record == nullptr) return std::optional<device::DeviceSet>();
  auto set = device::from_record(*record);
  if (!set) return fail(std::move(set).error().of(file));
  return std::optional<device::DeviceSet>(std::move(*set));
}

Result<std::optional<std::vector<Record>>> probe_records(const std::string& path) {
  if (path == "-") return std::optional<std::vector<Record>>();  // an image: it is read once
  TRY(const auto file, File::open(path));
  TRY(const bool is_probe, looks_like_a_probe(*file));
  if (!is_probe) return std::optional<std::vector<Record>>();
  if (file->size() > kMaxProbeBytes)
    return fail(file->error(ErrorKind::Limit, 0, "probe", std::to_string(file->size()) + " bytes",
                            "at most 256 MiB"));
  TRY(const auto bytes, file->read_at(0, file->size()));
  const std::string text(as_text(bytes));
  const Json document = Json::parse(text, nullptr, false);
  const bool has_schema = document.is_object() && document.contains("schema") &&
                          document["schema"].is_string() && document["schema"].get<std::string>() == kSchema;
  if (!has_schema)
    return fail(file->error(ErrorKind::Corrupt, 0, "probe", "not a whole JSON document of this schema",
                            std::string(kSchema)));
  TRY(auto records, records_from_json(text, path));
  return std::optional<std::vector<Record>>(std::move(records));
}

Result<device::DeviceSet> devices_here(const std::string& root) {
  TRY(const device::Tree tree,
      root.empty() ? Result<device::Tree>(device::Tree::live()) : device::Tree::captured(root));
  return device::probe(tree).devices;
}

device::DeviceSet await_devices(unsigned seconds,
                                const std::function<bool(const device::DeviceSet&)>& are_enough) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  for (;;) {
    device::DeviceSet here = device::probe(device::Tree::live()).devices;
    if (are_enough(here) || std::chrono::steady_clock::now() >= limit) return here;
    std::this_thread::sleep_for(kPause);
  }
}

void mark_image(device::DeviceSet& set, const std::string& path, const std::string& jump_id,
                std::string_view source) {
  std::error_code error;
  const std::filesystem::path found = std::filesystem::canonical(path, error);
  const std::string name = (error ? std::filesystem::path(path) : found).filename();
  for (device::Device& item : set.devices) {
    const bool holds_data = item.kind == device::Kind::Disk || item.kind == device::Kind::Partition;
    if (!holds_data || item.name != name) continue;
    item.identity.push_back({std::string(kImageKey), jump_id, std::string(source), device::Strength::Strong});
    item.state.push_back({"image", "", std::string(source)});
  }
}

}  // namespace hib::cli
