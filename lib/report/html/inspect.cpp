#include "lib/report/html/inspect.h"

#include <algorithm>
#include <sstream>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html/device_tree.h"
#include "lib/report/html/file_map.h"
#include "lib/report/html/history.h"
#include "lib/report/html/page_strip.h"
#include "lib/report/html/parts.h"
#include "lib/report/html/style.h"
#include "lib/report/kernel_log.h"
#include "lib/report/summary.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

constexpr std::size_t kMostLogLines = 5000;  // the last ones

// In the order of StripKind.
const std::vector<StripColour> kPageKinds = {
    {"data", "k0"}, {"zero", "zero"}, {"absent", "absent"}, {"unreadable", "alarm", true}};

const char* tone_of(Severity severity) {
  switch (severity) {
    case Severity::Note: return "calm";
    case Severity::Warning: return "warn";
    case Severity::Error: return "bad";
  }
  return "calm";
}

const char* tone_of(const InspectReport& report) {
  Severity worst = Severity::Note;
  for (const Finding& finding : report.info.findings) worst = std::max(worst, finding.severity);
  return report.damage.empty() ? tone_of(worst) : "bad";
}

// "Linux 6.12.43 x86_64; 65,536 pages in 256 MiB: 20,111 data, 45,425 zero"
std::string headline(const ImageInfo& info) {
  std::string text;
  if (info.kernel.release)
    text = "Linux " + *info.kernel.release + (info.kernel.machine ? " " + *info.kernel.machine : "") + "; ";
  return text + (info.pages_are_known ? describe_pages(info.pages, info.page_size, " pages")
                                      : "its pages are not known");
}

void add_header(Html& html, const InspectReport& report, std::string_view format_title) {
  const ImageInfo& info = report.info;
  const char* tone = tone_of(report);
  const Element header(html, "header", {{"class", tone}});
  {
    const Element line(html, "p", {{"class", "small soft"}});
    if (!image_state(info).empty()) add_chip(html, tone, image_state(info));
    html.text(std::string(format_title) + (info.variant.empty() ? "" : ", " + info.variant));
  }
  html.element("h1", info.path);
  html.element("p", headline(info));
  html.element("p", "The structures were looked through, the pages were not read: hibtool verify reads them.",
               {{"class", "small soft"}});
  for (std::size_t i = 0; i < std::min(info.findings.size(), kMostDamage); ++i) {
    const Finding& finding = info.findings[i];
    const Element line(html, "p", {{"class", "finding"}});
    add_chip(html, tone_of(finding.severity), name_of(finding.severity));
    html.text(finding.text);
  }
  left_out(html, info.findings.size(), kMostDamage);
}

void add_summary(Html& html, const InspectReport& report) {
  const Section section(html, "summary", "Summary");
  add_facts(html, summary_of(report));
}

void add_memory_legend(Html& html, const ImageInfo& info) {
  const std::uint64_t counts[] = {info.pages.data, info.pages.zero, info.pages.absent, info.pages.unreadable};
  const Element table(html, "table");
  add_heads(html, {"pages", "#count", "#size"});
  for (std::size_t i = 0; i < kPageKinds.size(); ++i) {
    const Element row(html, "tr");
    add_swatch(html, kPageKinds[i].colour, kPageKinds[i].name);
    add_number(html, counts[i]);
    add_size(html, counts[i] * info.page_size);
  }
}

void add_memory(Html& html, const InspectReport& report) {
  if (!report.strip || report.info.pages.total() == 0) return;
  const Section section(html, "memory", "Memory");
  draw_strip(html, *report.strip, report.info.page_size, kPageKinds);
  add_memory_legend(html, report.info);
}

void add_file(Html& html, const InspectReport& report) {
  const ImageMap map = coarse_map(report.map, report.info.file_bytes);
  if (map.cells.empty() && report.damage.empty()) return;
  const Section section(html, "file", "File");
  add_file_map(html, map, report.damage);
  add_damage(html, report.damage);
}

void add_devices_of(Html& html, const std::optional<device::DeviceSet>& devices) {
  if (!devices || devices->devices.empty()) return;
  const Section section(html, "devices", "Devices");
  add_device_tree(html, *devices);
}

void append_fields(const FieldList& fields, const std::string& prefix, Facts& facts) {
  for (const Field& field : fields) {
    if (facts.size() > kMostRows) return;
    if (const auto* nested = std::get_if<FieldList>(&field.value))
      append_fields(*nested, prefix + field.name + ".", facts);
    else
      facts.emplace_back(prefix + field.name, describe_value(field.value));
  }
}

void add_record(Html& html, const Record& record) {
  Facts facts;
  append_fields(record.fields, "", facts);
  const Element details(html, "details");
  html.element("summary", fmt::format("{} (version {})", record.type, record.version));
  add_facts(html, facts);
  if (facts.size() > kMostRows) html.element("p", "… more; --records lists all", {{"class", "soft"}});
}

void add_records(Html& html, const std::vector<Record>& records) {
  if (records.empty()) return;
  const Section section(html, "records", "Records");
  for (std::size_t i = 0; i < std::min(records.size(), kMostRows) && !html.is_full(); ++i)
    add_record(html, records[i]);
  left_out(html, records.size(), kMostRows);
}

void add_log(Html& html, const std::optional<memory::KernelLog>& log) {
  if (!log) return;
  const Section section(html, "log", "Kernel log");
  memory::KernelLog last = *log;
  if (last.lines.size() > kMostLogLines)
    last.lines.erase(last.lines.begin(), last.lines.end() - kMostLogLines);
  std::stringstream text;
  print_log(text, Style(false, Colours::Never), last);
  {
    const Element list(html, "div", {{"class", "log"}});
    for (std::string line; std::getline(text, line);) html.element("div", line);
  }
  left_out(html, log->lines.size(), kMostLogLines);
}

}  // namespace

std::string html_of_inspected(const Inspected& image, std::string_view format_title) {
  const InspectReport& report = image.report;
  Html html(fmt::format("hibtool inspect: {}", report.info.path), kPageStyle);
  html.open("main");
  add_header(html, report, format_title);
  add_memory(html, report);
  add_file(html, report);
  add_history(html, image.history);
  add_devices_of(html, image.devices);
  add_summary(html, report);
  add_records(html, report.records);
  add_log(html, report.log);
  add_footer(html, "inspect");
  return std::move(html).finish();
}

}  // namespace hib::report
