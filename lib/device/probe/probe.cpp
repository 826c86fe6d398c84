#include "lib/device/probe/probe.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "lib/device/device_record.h"
#include "lib/device/probe/parts.h"
#include "lib/os/firmware_map.h"

namespace hib::device {
namespace {

constexpr std::size_t kMaxModulesBytes = 4U << 20;

// ---- the machine

void set_line(Record& record, const Tree& tree, const char* name, const std::string& path) {
  const Reading line = tree.read_line(path);
  if (line.is_present()) record.set(name, line.text);
}

FieldList memory_map(const Tree& tree) {
  FieldList regions;
  const auto line_of = [&](const std::string& path) {
    Reading line = tree.read_line(path);
    return line.is_present() ? std::optional(std::move(line.text)) : std::nullopt;
  };
  for (MemoryMapEntry& entry : read_firmware_map(line_of)) {
    FieldList region;
    region.push_back({"first", entry.start});
    region.push_back({"last", entry.last()});
    region.push_back({"type", std::move(entry.name)});
    regions.push_back({"region", std::move(region)});
  }
  return regions;
}

// /proc/modules: one module a line, its name first. Built-in modules are not listed.
void add_modules(Record& record, const Tree& tree) {
  const Reading text = tree.read("/proc/modules", kMaxModulesBytes);
  if (!text.is_present()) return;
  std::vector<std::string> names;
  std::size_t at = 0;
  while (at < text.text.size()) {
    const std::size_t end = std::min(text.text.find('\n', at), text.text.size());
    const std::size_t space = std::min(text.text.find(' ', at), end);
    if (space > at) names.push_back(text.text.substr(at, space - at));
    at = end + 1;
  }
  std::sort(names.begin(), names.end());
  for (std::string& name : names) record.fields.push_back({"module", std::move(name)});
}

// ---- the set, in order

void set_parents(Scan& scan) {
  for (Device& device : scan.devices) {
    const bool is_in_sysfs = starts_with(device.path, "devices/");
    if (device.parent.empty() && is_in_sysfs) device.parent = scan.ancestor(device.path);
    if (!device.parent.empty() && !scan.has(device.parent)) device.parent.clear();
    if (device.parent == device.path) device.parent.clear();
  }
}

// The number of devices above it; more than kMaxParents for a circle, which only a forged tree has.
unsigned depth_of(Scan& scan, const Device& device) {
  unsigned depth = 0;
  const Device* at = &device;
  while (!at->parent.empty() && depth <= kMaxParents) {
    at = scan.find(at->parent);
    ++depth;
  }
  return depth;
}

void break_circles(Scan& scan) {
  for (Device& device : scan.devices) {
    if (depth_of(scan, device) <= kMaxParents) continue;
    add_unreadable(device.state, "parent",
                   "the devices above it go in a circle, or too far: " + device.parent,
                   "sysfs:" + device.path);
    device.parent.clear();
  }
}

// As a tree is printed: everything below a device before its next sibling.
std::vector<Device> in_order(Scan& scan) {
  constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::map<std::string, std::vector<std::size_t>> children;
  for (std::size_t i = 0; i < scan.devices.size(); ++i) children[scan.devices[i].parent].push_back(i);
  for (auto& [parent, below] : children) {
    std::stable_sort(below.begin(), below.end(), [&](std::size_t a, std::size_t b) {
      return natural_less(scan.devices[a].path, scan.devices[b].path);
    });
  }
  std::vector<Device> ordered;
  ordered.reserve(scan.devices.size());
  std::vector<std::size_t> left = {kNone};
  while (!left.empty()) {
    const std::size_t at = left.back();
    left.pop_back();
    const auto below = children.find(at == kNone ? std::string() : scan.devices[at].path);
    if (at != kNone) ordered.push_back(std::move(scan.devices[at]));
    if (below != children.end()) left.insert(left.end(), below->second.rbegin(), below->second.rend());
  }
  return ordered;
}

}  // namespace

Record probe_machine(const Tree& tree) {
  Record record{std::string(kMachineRecord), 1, {}};
  const Facts facts = tree.machine_facts();
  set_line(record, tree, "release", "/proc/sys/kernel/osrelease");
  set_line(record, tree, "version", "/proc/sys/kernel/version");
  if (const auto machine = facts.find("MACHINE"); machine != facts.end())
    record.set("machine", machine->second);
  if (const auto size = facts.find("PAGE_SIZE"); size != facts.end())
    record.set("page_size", std::uint64_t{std::strtoull(size->second.c_str(), nullptr, 10)});
  set_line(record, tree, "command_line", "/proc/cmdline");
  if (FieldList regions = memory_map(tree); !regions.empty()) record.set("memory_map", std::move(regions));
  add_modules(record, tree);
  return record;
}

Probe probe(const Tree& tree) {
  Scan scan(tree);
  probe_pci(scan);
  probe_usb(scan);
  probe_firewire(scan);
  probe_thunderbolt(scan);
  probe_net(scan);
  probe_block(scan);
  probe_file_systems(scan);
  set_parents(scan);
  break_circles(scan);
  Probe result;
  result.machine = probe_machine(tree);
  result.devices.devices = in_order(scan);
  return result;
}

std::vector<Record> records_of(const Probe& probe) {
  std::vector<Record> records;
  records.push_back(probe.machine);
  records.push_back(to_record(probe.devices));
  return records;
}

}  // namespace hib::device
