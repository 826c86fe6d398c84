#include "lib/device/device_record.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

namespace hib::device {
namespace {

constexpr std::uint16_t kVersion = 1;

template <typename Enum, std::size_t kCount>
std::optional<Enum> named(std::string_view name) {
  for (std::size_t i = 0; i < kCount; ++i) {
    if (name_of(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

constexpr std::size_t kStrengths = 3;
constexpr std::size_t kPresences = 3;
constexpr std::size_t kKinds = 12;

// ---- to a record

void add_text(FieldList& fields, std::string_view name, std::string text) {
  fields.push_back({std::string(name), std::move(text)});
}

FieldList fields_of(const Value& value, bool is_identity) {
  FieldList fields;
  add_text(fields, "name", value.name);
  if (!value.text.empty()) add_text(fields, "text", value.text);
  if (!value.from.empty()) add_text(fields, "from", value.from);
  if (is_identity) add_text(fields, "strength", std::string(name_of(value.strength)));
  if (value.presence != Presence::Present) add_text(fields, "presence", std::string(name_of(value.presence)));
  return fields;
}

FieldList fields_of(const Device& device) {
  FieldList fields;
  add_text(fields, "path", device.path);
  add_text(fields, "kind", std::string(name_of(device.kind)));
  if (!device.bus.empty()) add_text(fields, "bus", device.bus);
  if (!device.name.empty()) add_text(fields, "name", device.name);
  if (!device.parent.empty()) add_text(fields, "parent", device.parent);
  for (const std::string& member : device.members) add_text(fields, "member", member);
  for (const Value& value : device.identity) fields.push_back({"identity", fields_of(value, true)});
  for (const Value& value : device.state) fields.push_back({"state", fields_of(value, false)});
  if (!device.config.empty()) fields.push_back({"config", device.config});
  return fields;
}

// ---- from a record

// The fields of one device or value, with errors that say which one it is.
class Reader {
 public:
  Reader(const FieldList& fields, std::string where) : fields_(fields), where_(std::move(where)) {}

  Error error(std::string_view field, std::string found, std::string allowed) const {
    return make_error(ErrorKind::Corrupt, fmt::format("{}: {}", where_, field), std::move(found),
                      std::move(allowed));
  }

  Result<std::string> text(std::string_view name) const {
    const Field* found = nullptr;
    for (const Field& field : fields_) {
      if (field.name != name) continue;
      if (found != nullptr) return fail(error(name, "twice", "once"));
      found = &field;
    }
    if (found == nullptr) return std::string();
    const auto* text = std::get_if<std::string>(&found->value);
    if (text == nullptr) return fail(error(name, "of another kind", "text"));
    return *text;
  }

  template <typename Enum, std::size_t kCount>
  Result<Enum> one_of(std::string_view name, Enum otherwise) const {
    TRY(const std::string word, text(name));
    if (word.empty()) return otherwise;
    const auto value = named<Enum, kCount>(word);
    if (!value) return fail(error(name, "\"" + word + "\"", "one that this version knows"));
    return *value;
  }

 private:
  const FieldList& fields_;
  std::string where_;
};

Result<Value> value_from(const Field& field, const std::string& where) {
  const auto* fields = std::get_if<FieldList>(&field.value);
  if (fields == nullptr)
    return fail(make_error(ErrorKind::Corrupt, fmt::format("{}: {}", where, field.name), "of another kind",
                           "fields"));
  const Reader in(*fields, fmt::format("{}: {}", where, field.name));
  Value value;
  TRY(value.name, in.text("name"));
  if (value.name.empty()) return fail(in.error("name", "missing", "a name"));
  TRY(value.text, in.text("text"));
  TRY(value.from, in.text("from"));
  TRY(value.strength, (in.one_of<Strength, kStrengths>("strength", Strength::Medium)));
  TRY(value.presence, (in.one_of<Presence, kPresences>("presence", Presence::Present)));
  return value;
}

Result<Device> device_from(const Field& field, std::size_t number) {
  const std::string where = fmt::format("record \"devices\": device {}", number);
  const auto* fields = std::get_if<FieldList>(&field.value);
  if (fields == nullptr) return fail(make_error(ErrorKind::Corrupt, where, "of another kind", "fields"));
  const Reader in(*fields, where);
  Device device;
  TRY(device.path, in.text("path"));
  if (device.path.empty()) return fail(in.error("path", "missing", "a path"));
  TRY(const std::string kind, in.text("kind"));
  const auto known = named<Kind, kKinds>(kind);
  if (!known) return fail(in.error("kind", "\"" + kind + "\"", "one that this version knows"));
  device.kind = *known;
  TRY(device.bus, in.text("bus"));
  TRY(device.name, in.text("name"));
  TRY(device.parent, in.text("parent"));
  for (const Field& part : *fields) {
    if (part.name == "member") {
      const auto* text = std::get_if<std::string>(&part.value);
      if (text == nullptr) return fail(in.error("member", "of another kind", "text"));
      device.members.push_back(*text);
    } else if (part.name == "identity" || part.name == "state") {
      auto& values = part.name == "identity" ? device.identity : device.state;
      if (values.size() == kMaxValues)
        return fail(in.error(part.name, "too many values", fmt::format("up to {}", kMaxValues)));
      TRY(Value value, value_from(part, where));
      values.push_back(std::move(value));
    } else if (part.name == "config") {
      const auto* bytes = std::get_if<std::vector<std::byte>>(&part.value);
      if (bytes == nullptr) return fail(in.error("config", "of another kind", "bytes"));
      device.config = *bytes;
    }
  }
  return device;
}

// Every parent is there, and above it is no circle.
Result<void> check_parents(const DeviceSet& set,
                           const std::unordered_map<std::string_view, std::size_t>& by_path) {
  for (std::size_t i = 0; i < set.devices.size(); ++i) {
    const Device* at = &set.devices[i];
    unsigned depth = 0;
    while (!at->parent.empty()) {
      const auto parent = by_path.find(at->parent);
      const std::string where = fmt::format("record \"devices\": device {}: parent", i);
      if (parent == by_path.end())
        return fail(make_error(ErrorKind::Corrupt, where, "\"" + at->parent + "\"",
                               "the path of a device of this set"));
      if (++depth > kMaxParents)
        return fail(make_error(ErrorKind::Corrupt, where, "a circle, or too many above one another",
                               fmt::format("up to {}", kMaxParents)));
      at = &set.devices[parent->second];
    }
  }
  return {};
}

}  // namespace

Record to_record(const DeviceSet& set) {
  Record record{std::string(kDevicesRecord), kVersion, {}};
  for (const Device& device : set.devices) record.fields.push_back({"device", fields_of(device)});
  return record;
}

Result<DeviceSet> from_record(const Record& record) {
  if (record.version != kVersion)
    return fail(make_error(ErrorKind::Unsupported, "record \"devices\": version",
                           std::to_string(record.version), std::to_string(kVersion)));
  DeviceSet set;
  for (const Field& field : record.fields) {
    if (field.name != "device") continue;
    if (set.devices.size() == kMaxDevices)
      return fail(make_error(ErrorKind::Limit, "record \"devices\"", "too many devices",
                             fmt::format("up to {}", kMaxDevices)));
    TRY(Device device, device_from(field, set.devices.size()));
    set.devices.push_back(std::move(device));
  }
  std::unordered_map<std::string_view, std::size_t> by_path;
  by_path.reserve(set.devices.size());
  for (std::size_t i = 0; i < set.devices.size(); ++i) {
    if (by_path.emplace(set.devices[i].path, i).second) continue;
    return fail(make_error(
        ErrorKind::Corrupt, fmt::format("record \"devices\": device {}: path", i),
        "\"" + set.devices[i].path + "\", as device " + std::to_string(by_path[set.devices[i].path]),
        "a path of its own"));
  }
  TRY_OK(check_parents(set, by_path));
  return set;
}

Result<std::optional<DeviceSet>> devices_in(const std::vector<Record>& records, const std::string& file) {
  const Record* record = find_record(records, kDevicesRecord);
  if (record == nullptr) return std::optional<DeviceSet>();
  auto set = from_record(*record);
  if (!set) return fail(std::move(set).error().of(file));
  return std::optional<DeviceSet>(std::move(*set));
}

}  // namespace hib::device
