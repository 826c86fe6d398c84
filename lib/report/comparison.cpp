#include <array>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/devices.h"
#include "lib/report/text_table.h"

namespace hib::report {
namespace {

using device::Comparison;
using device::Device;
using device::DeviceSet;
using device::Match;

constexpr std::array kVerdicts = {device::Verdict::Same,     device::Verdict::Moved,
                                  device::Verdict::Replaced, device::Verdict::Absent,
                                  device::Verdict::New,      device::Verdict::Ambiguous,
                                  device::Verdict::Unproven, device::Verdict::UnknownDriver};

const Device& device_of(const DeviceSet& a, const DeviceSet& b, const Match& match) {
  return match.a ? a.devices[*match.a] : b.devices[*match.b];
}

std::string shown(const Device& device) { return printable(device.name.empty() ? device.path : device.name); }

std::string here(const DeviceSet& a, const DeviceSet& b, const Match& match) {
  if (match.b) return shown(b.devices[*match.b]);
  std::string text;
  for (const std::size_t candidate : match.candidates)
    text += (text.empty() ? "" : "|") + shown((match.a ? b : a).devices[candidate]);
  return text;
}

std::string coloured(const Style& style, const std::string& text, bool changed) {
  return changed ? style.yellow(text) : style.green(text);
}

}  // namespace

std::string comparison_headline(const Comparison& comparison) {
  return comparison.nothing_changed() ? "the devices are the same, as far as can be told"
                                      : "the devices differ";
}

std::string comparison_counts(const Comparison& comparison) {
  std::array<std::size_t, kVerdicts.size()> counts{};
  for (const Match& match : comparison.matches) ++counts[static_cast<std::size_t>(match.verdict)];
  std::string text;
  for (const device::Verdict verdict : kVerdicts) {
    const std::size_t count = counts[static_cast<std::size_t>(verdict)];
    if (count > 0)
      text += (text.empty() ? "" : ", ") + fmt::format("{} {}", grouped(count), name_of(verdict));
  }
  return text.empty() ? "none on either side" : text;
}

std::vector<ComparisonRow> changes_of(const DeviceSet& a, const DeviceSet& b, const Comparison& comparison) {
  std::vector<ComparisonRow> rows;
  for (const Match& match : comparison.matches) {
    if (match.verdict == device::Verdict::Same) continue;
    rows.push_back({std::string(name_of(match.verdict)), std::string(name_of(device_of(a, b, match).kind)),
                    match.a ? shown(a.devices[*match.a]) : "", match.a || match.b ? here(a, b, match) : "",
                    printable(match.reason)});
  }
  return rows;
}

void print_comparison(std::ostream& out, const Style& style, const DeviceSet& a, const DeviceSet& b,
                      const Comparison& comparison) {
  out << coloured(style, comparison_headline(comparison), !comparison.nothing_changed()) << ": "
      << comparison_counts(comparison) << "\n";
  const std::vector<ComparisonRow> changes = changes_of(a, b, comparison);
  if (changes.empty()) return;
  TextTable table(style, {{"VERDICT", false, false, false, false},
                          {"KIND", false, false, false, false},
                          {"BEFORE", false, false, true, false},
                          {"NOW", false, false, true, false},
                          {"WHY", false, false, false, true}});
  for (const ComparisonRow& row : changes) table.add({row.verdict, row.kind, row.before, row.now, row.why});
  out << table.text();
}

Json json_of_comparison(const DeviceSet& a, const DeviceSet& b, const Comparison& comparison) {
  Json json;
  for (const device::Verdict verdict : kVerdicts)
    json[verdict == device::Verdict::UnknownDriver ? "unknown_driver" : std::string(name_of(verdict))] =
        Json::array();
  for (const Match& match : comparison.matches) {
    const Device& device = device_of(a, b, match);
    Json entry;
    entry["a"] = match.a ? Json(printable(a.devices[*match.a].path)) : Json(nullptr);
    entry["b"] = match.b ? Json(printable(b.devices[*match.b].path)) : Json(nullptr);
    entry["name"] = shown(device);
    entry["kind"] = name_of(device.kind);
    entry["reason"] = printable(match.reason);
    if (match.verdict == device::Verdict::Ambiguous) entry["looks_alike"] = match.looks_alike;
    entry["candidates"] = Json::array();
    for (const std::size_t candidate : match.candidates)
      entry["candidates"].push_back(printable((match.a ? b : a).devices[candidate].path));
    json[match.verdict == device::Verdict::UnknownDriver ? "unknown_driver"
                                                         : std::string(name_of(match.verdict))]
        .push_back(std::move(entry));
  }
  return json;
}

}  // namespace hib::report
