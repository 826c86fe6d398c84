#include "lib/device/probe/parts.h"

#include <fnmatch.h>

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "lib/device/device_record.h"
#include "lib/device/probe/identifiers.h"

namespace hib::device {
namespace {

constexpr std::size_t kMaxAliasBytes = 32U << 20;
constexpr std::size_t kMaxModules = 16;  // that are named for one device

// modules.alias is a list of "alias PATTERN MODULE"; kept by the bus, so that one device is not compared with
// all of them.
void read_aliases(Scan& scan) {
  scan.aliases[""];  // was read
  const Reading release = scan.tree.read_line("/proc/sys/kernel/osrelease");
  if (!release.is_present() || release.text.find('/') != std::string::npos) return;
  const Reading text = scan.tree.read("/lib/modules/" + release.text + "/modules.alias", kMaxAliasBytes);
  if (!text.is_present()) return;
  std::istringstream lines(text.text);
  std::string word;
  std::string pattern;
  std::string module;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    if (!(words >> word >> pattern >> module) || word != "alias") continue;
    scan.aliases[pattern.substr(0, pattern.find(':'))].push_back(pattern + " " + module);
  }
}

}  // namespace

// ---- the set

Device* Scan::find(const std::string& path) {
  const auto it = index_.find(path);
  return it == index_.end() ? nullptr : &devices[it->second];
}

void Scan::add(Device device) {
  if (device.path.empty() || devices.size() == kMaxDevices ||
      !index_.emplace(device.path, devices.size()).second)
    return;
  devices.push_back(std::move(device));
}

std::string Scan::ancestor(const std::string& path) const {
  std::string above = folder_of(path);
  while (!above.empty() && !has(above)) above = folder_of(above);
  return above;
}

// ---- values

std::string sysfs(const std::string& path, const std::string& attribute) {
  return "sysfs:" + path + "/" + attribute;
}

void add_value(std::vector<Value>& values, std::string name, std::string text, std::string from,
               Strength strength) {
  if (values.size() < kMaxValues)
    values.push_back({std::move(name), std::move(text), std::move(from), strength, Presence::Present});
}

void add_unreadable(std::vector<Value>& values, std::string name, std::string why, std::string from,
                    Strength strength) {
  if (values.size() < kMaxValues)
    values.push_back({std::move(name), std::move(why), std::move(from), strength, Presence::Unreadable});
}

void add_absent(std::vector<Value>& values, std::string name, std::string from, Strength strength) {
  if (values.size() < kMaxValues)
    values.push_back({std::move(name), {}, std::move(from), strength, Presence::Absent});
}

void add_attribute(const Tree& tree, std::vector<Value>& values, const std::string& path,
                   const std::string& attribute, std::string name, Strength strength, Missing missing) {
  const Reading reading = tree.read_line("/sys/" + path + "/" + attribute);
  const std::string from = sysfs(path, attribute);
  if (reading.presence == Presence::Unreadable)
    return add_unreadable(values, std::move(name), reading.text, from, strength);
  if (reading.is_present() && !reading.text.empty()) {
    const bool is_strong = strength != Strength::Strong || tells_apart(reading.text);
    return add_value(values, std::move(name), reading.text, from, is_strong ? strength : Strength::Medium);
  }
  switch (missing) {
    case Missing::LeaveOut: return;
    case Missing::SayAbsent: return add_absent(values, std::move(name), from, strength);
    case Missing::SayUnreadable:
      return add_unreadable(values, std::move(name), reading.is_present() ? "empty" : "no such file", from,
                            strength);
  }
}

void add_result(std::vector<Value>& values, std::string name, const Result<std::string>& result,
                std::string from, Strength strength) {
  if (!result)
    return add_unreadable(values, std::move(name), result.error().line(), std::move(from), strength);
  if (result->empty()) return add_absent(values, std::move(name), std::move(from), strength);
  const bool is_strong = strength != Strength::Strong || tells_apart(*result);
  add_value(values, std::move(name), *result, std::move(from), is_strong ? strength : Strength::Medium);
}

void add_place(Device& device, const std::string& place) {
  add_value(device.identity, std::string(kPlace), place, "sysfs:" + device.path, Strength::Place);
}

// ---- drivers

std::vector<std::string> modules_for(Scan& scan, const std::string& alias) {
  if (scan.aliases.empty()) read_aliases(scan);
  std::vector<std::string> modules;
  const auto patterns = scan.aliases.find(alias.substr(0, alias.find(':')));
  if (alias.empty() || patterns == scan.aliases.end()) return modules;
  for (const std::string& line : patterns->second) {
    const std::size_t space = line.find(' ');
    if (modules.size() == kMaxModules || ::fnmatch(line.substr(0, space).c_str(), alias.c_str(), 0) != 0)
      continue;
    const std::string module = line.substr(space + 1);
    if (std::find(modules.begin(), modules.end(), module) == modules.end()) modules.push_back(module);
  }
  return modules;
}

void add_driver_state(Scan& scan, Device& device) {
  const std::string folder = "/sys/" + device.path;
  const auto driver = scan.tree.resolve(folder + "/driver");
  if (driver) {
    add_value(device.state, "driver", base_name(*driver), sysfs(device.path, "driver"));
    if (const auto module = scan.tree.resolve(folder + "/driver/module"))
      add_value(device.state, "module", base_name(*module), sysfs(device.path, "driver/module"));
  } else if (const Reading alias = scan.tree.read_line(folder + "/modalias");
             alias.is_present() && !alias.text.empty()) {
    add_value(device.state, "modalias", alias.text, sysfs(device.path, "modalias"));
    for (const std::string& module : modules_for(scan, alias.text))
      add_value(device.state, "modules", module, "modules.alias");
  }
  add_attribute(scan.tree, device.state, device.path, "power_state", "power-state", Strength::Medium);
  add_attribute(scan.tree, device.state, device.path, "power/runtime_status", "runtime-status",
                Strength::Medium);
}

// ---- paths

std::optional<std::string> sysfs_path(const Tree& tree, const std::string& link) {
  const auto resolved = tree.resolve(link);
  if (!resolved || !starts_with(*resolved, "/sys/")) return std::nullopt;
  return resolved->substr(5);
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

bool starts_with(const std::string& text, const std::string& prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < a.size() && j < b.size()) {
    const std::size_t m = std::min(a.find('/', i), a.size()) - i;
    const std::size_t n = std::min(b.find('/', j), b.size()) - j;
    if (m != n) return m < n;
    if (const int order = a.compare(i, m, b, j, n); order != 0) return order < 0;
    i += m + 1;
    j += n + 1;
  }
  return i >= a.size() && j < b.size();
}

}  // namespace hib::device
