#include "lib/report/devices.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <unordered_map>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/os/device_names.h"
#include "lib/report/text_table.h"

namespace hib::report {
namespace {

using device::Device;
using device::DeviceSet;
using device::Kind;
using device::Presence;
using device::Value;

constexpr std::size_t kConfigBytesPerLine = 16;
constexpr std::size_t kShownCellBytes = 120;

std::optional<std::uint32_t> number_of(const Device& device, std::string_view name, int base) {
  const Value* value = device.find_identity(name);
  if (value == nullptr) return std::nullopt;
  std::string_view text = value->text;
  if (base == 16 && text.substr(0, 2) == "0x") text.remove_prefix(2);
  std::uint32_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && stop == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string text_of(const Device& device, std::string_view name) {
  const Value* value = device.find_identity(name);
  return value == nullptr ? "" : value->text;
}

std::string joined(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() ? a + b : a + " " + b;
}

std::string cell(const std::string& text) {
  if (text.size() <= kShownCellBytes) return printable(text);
  return printable(std::string_view(text).substr(0, kShownCellBytes)) + "…";
}

std::string ids_of(const Device& device, const char* second) {
  const auto vendor = number_of(device, "vendor", 16);
  const auto model = number_of(device, second, 16);
  return vendor && model ? fmt::format("{:04x}:{:04x}", *vendor & 0xFFFFU, *model & 0xFFFFU) : "";
}

std::string what_pci(const Device& device, const DeviceNames& names) {
  const auto vendor = number_of(device, "vendor", 16);
  const auto model = number_of(device, "device", 16);
  const auto kind = number_of(device, "class", 16);
  const std::string type = kind ? names.pci_class(static_cast<std::uint16_t>(*kind >> 8U)) : "";
  std::string name = vendor && model
                         ? names.pci(static_cast<std::uint16_t>(*vendor), static_cast<std::uint16_t>(*model))
                         : "";
  if (name.empty()) name = ids_of(device, "device");
  return type.empty() || name.empty() ? type + name : type + ": " + name;
}

std::string what_usb(const Device& device, const DeviceNames& names) {
  const auto vendor = number_of(device, "vendor", 16);
  const auto product = number_of(device, "product", 16);
  std::string name =
      vendor && product ? names.usb(static_cast<std::uint16_t>(*vendor), static_cast<std::uint16_t>(*product))
                        : "";
  if (name.empty()) name = text_of(device, "model");
  return name.empty() ? ids_of(device, "product") : name;
}

std::string what_it_is(const Device& device, const DeviceNames& names) {
  switch (device.kind) {
    case Kind::Pci: return what_pci(device, names);
    case Kind::Usb: return what_usb(device, names);
    case Kind::FireWire:
    case Kind::Thunderbolt: return joined(text_of(device, "vendor-name"), text_of(device, "model"));
    case Kind::Net: return text_of(device, "model");
    case Kind::Disk: return joined(text_of(device, "vendor"), text_of(device, "model"));
    case Kind::Partition: return text_of(device, "content.type");
    case Kind::Mapped: return text_of(device, "dm-name");
    case Kind::Raid: return text_of(device, "level");
    case Kind::Loop: return text_of(device, "backing-file");
    case Kind::FileSystem:
    case Kind::Swap: return joined(text_of(device, "type"), text_of(device, "label"));
  }
  return "";
}

std::string size_of(const Device& device) {
  std::uint64_t bytes = 0;
  const std::string text = text_of(device, "size");
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  return error == std::errc() && stop == text.data() + text.size() && !text.empty() ? human_bytes(bytes) : "";
}

// The first strong value: what proves most stands first. One that could not be read is said.
std::string strongest_key(const Device& device) {
  std::string unreadable;
  for (const Value& value : device.identity) {
    if (value.strength != device::Strength::Strong) continue;
    if (value.presence == Presence::Present) return value.name + " " + value.text;
    if (value.presence == Presence::Unreadable && unreadable.empty()) unreadable = value.name + " unreadable";
  }
  return unreadable;
}

// Driver and mount points, "swap" for what is in use as that, "no driver" for a function whose driver is
// missing.
std::string state_of(const Device& device) {
  std::string text;
  for (const Value& value : device.state) {
    if (value.presence == Presence::Present &&
        (value.name == "driver" || value.name == "mount" ||
         (value.name == "in-use" && value.text != "mounted") || value.name == "image")) {
      text += (text.empty() ? "" : ", ") + value.text;
    }
  }
  if (text.empty() && device.find_state("modalias") != nullptr && device.find_state("driver") == nullptr)
    text = "no driver";
  return text;
}

std::string kind_of(const Device& device) {
  return device.bus.empty() || device.bus == name_of(device.kind)
             ? std::string(name_of(device.kind))
             : fmt::format("{} {}", name_of(device.kind), device.bus);
}

std::vector<std::size_t> in_order(const std::vector<std::size_t>& reversed) {
  return {reversed.rbegin(), reversed.rend()};
}

class Tree {
 public:
  Tree(const DeviceSet& set, bool numeric) : set_(set), names_(numeric) {
    for (std::size_t i = 0; i < set.devices.size(); ++i) by_path_.emplace(set.devices[i].path, i);
    children_.resize(set.devices.size());
    for (std::size_t i = 0; i < set.devices.size(); ++i) {
      const auto parent = by_path_.find(set.devices[i].parent);
      if (set.devices[i].parent.empty() || parent == by_path_.end()) {
        roots_.push_back(i);
      } else {
        children_[parent->second].push_back(i);
      }
    }
  }

  // Without recursion: whoever hangs in a circle is never reached.
  std::vector<DeviceRow> rows() const {
    std::vector<DeviceRow> rows;
    std::vector<Open> open;
    const auto push = [&](const std::vector<std::size_t>& devices, std::size_t depth,
                          std::optional<std::size_t> above) {
      for (const std::size_t index : in_order(devices)) open.push_back({index, depth, above});
    };
    push(roots_, 0, std::nullopt);
    while (!open.empty()) {
      const Open next = open.back();
      open.pop_back();
      rows.push_back(row_of(next));
      push(children_[next.device], next.depth + 1, rows.size() - 1);
    }
    return rows;
  }

 private:
  struct Open {
    std::size_t device = 0;
    std::size_t depth = 0;
    std::optional<std::size_t> above;
  };

  DeviceRow row_of(const Open& place) const {
    const Device& device = set_.devices[place.device];
    std::string what = what_it_is(device, names_);
    if (device.members.size() > 1) what = joined(what, "on " + names_of(device.members));
    return {place.depth,
            place.above,
            cell(device.name.empty() ? device.path : device.name),
            cell(kind_of(device)),
            cell(what),
            size_of(device),
            cell(strongest_key(device)),
            cell(state_of(device))};
  }

  std::string names_of(const std::vector<std::string>& paths) const {
    std::string text;
    for (const std::string& path : paths) {
      if (text.size() > kShownCellBytes) break;  // cell() says so
      const auto found = by_path_.find(path);
      text +=
          (text.empty() ? "" : ", ") + (found == by_path_.end() ? path : set_.devices[found->second].name);
    }
    return text;
  }

  const DeviceSet& set_;
  DeviceNames names_;
  std::unordered_map<std::string_view, std::size_t> by_path_;
  std::vector<std::vector<std::size_t>> children_;
  std::vector<std::size_t> roots_;
};

void print_values(std::ostream& out, const Style& style, const char* title, const std::vector<Value>& values,
                  bool with_strength) {
  if (values.empty()) return;
  out << style.bold(title) << "\n";
  for (const Value& value : values) {
    std::string text = printable(value.text);
    if (value.presence == Presence::Absent) text = "absent";
    if (value.presence == Presence::Unreadable)
      text = style.yellow("unreadable") + (text.empty() ? "" : ": " + text);
    out << fmt::format("  {:<20}{:<8}{}  {}\n", printable(value.name),
                       with_strength ? name_of(value.strength) : "", text, style.dim(printable(value.from)));
  }
}

Json json_of_value(const Value& value, bool with_strength) {
  Json json;
  json["value"] = value.presence == Presence::Present ? Json(printable(value.text)) : Json(nullptr);
  if (with_strength) json["strength"] = name_of(value.strength);
  json["from"] = printable(value.from);
  json["presence"] = name_of(value.presence);
  if (value.presence == Presence::Unreadable) json["why"] = printable(value.text);
  return json;
}

Json json_of_values(const std::vector<Value>& values, bool with_strength) {
  Json object = Json::object();
  for (const Value& value : values) {
    Json& place = object[printable(value.name)];
    Json json = json_of_value(value, with_strength);
    if (place.is_null()) {
      place = std::move(json);
    } else if (place.is_array()) {
      place.push_back(std::move(json));
    } else {
      place = Json::array({place, std::move(json)});
    }
  }
  return object;
}

std::string hex_digits(const std::vector<std::byte>& bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

}  // namespace

std::vector<DeviceRow> rows_of(const DeviceSet& set, bool numeric) { return Tree(set, numeric).rows(); }

void print_devices(std::ostream& out, const Style& style, const DeviceSet& set, bool numeric) {
  TextTable table(style, {{"NAME", true, false, false, false},
                          {"KIND", false, false, false, false},
                          {"WHAT", false, false, true, false},
                          {"SIZE", false, true, false, false},
                          {"ID", false, false, true, false},
                          {"STATE", false, false, true, false}});
  for (const DeviceRow& row : rows_of(set, numeric))
    table.add({row.name, row.kind, row.what, row.size, row.id, row.state},
              row.above.value_or(TextTable::kNoLine));
  out << table.text();
}

void print_device(std::ostream& out, const Style& style, const Device& device) {
  out << style.bold(printable(device.name.empty() ? device.path : device.name)) << ": "
      << printable(kind_of(device)) << "\n";
  out << fmt::format("  {:<28}{}\n", "path", printable(device.path));
  if (!device.parent.empty()) out << fmt::format("  {:<28}{}\n", "parent", printable(device.parent));
  for (const std::string& member : device.members)
    out << fmt::format("  {:<28}{}\n", "member", printable(member));
  print_values(out, style, "identity", device.identity, true);
  print_values(out, style, "state", device.state, false);
  if (!device.config.empty())
    out << fmt::format("  {} bytes of configuration space; --config prints them\n", device.config.size());
}

void print_config(std::ostream& out, const Device& device) {
  out << printable(device.name) << " " << printable(what_pci(device, DeviceNames())) << "\n";
  for (std::size_t at = 0; at < device.config.size(); ++at) {
    if (at % kConfigBytesPerLine == 0) out << fmt::format("{}{:02x}:", at == 0 ? "" : "\n", at);
    out << fmt::format(" {:02x}", std::to_integer<unsigned>(device.config[at]));
  }
  out << "\n\n";
}

Json json_of_devices(const DeviceSet& set) {
  Json list = Json::array();
  for (const Device& device : set.devices) {
    Json json;
    json["path"] = printable(device.path);
    json["kind"] = name_of(device.kind);
    json["bus"] = printable(device.bus);
    json["name"] = printable(device.name);
    json["parent"] = device.parent.empty() ? Json(nullptr) : Json(printable(device.parent));
    json["members"] = Json::array();
    for (const std::string& member : device.members) json["members"].push_back(printable(member));
    json["identity"] = json_of_values(device.identity, true);
    json["state"] = json_of_values(device.state, false);
    json["config"] = device.config.empty() ? Json(nullptr) : Json(hex_digits(device.config));
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace hib::report
