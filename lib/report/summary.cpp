#include "lib/report/summary.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/image/swapped_record.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

// "782 pages in slots of swap area d0a1…"
std::string describe_swapped(const PageCounts& pages, const std::vector<Record>& records) {
  std::string text = counted(pages.total(), "page");
  const auto record = swapped_record_in(records);
  if (!record) return text;
  text += " in the swap area" + (record->swap_uuid.empty() ? "" : " " + printable(record->swap_uuid));
  return record->exact ? text : "at most " + text + ": which slots are in use could not be read";
}

// "swap in use   66,420 of 163,840 pages of /dev/vda1, where the image lies"
void add_swap_areas(Rows& rows, const std::vector<SwapAreaUse>& areas) {
  const char* name = "swap in use";
  for (const SwapAreaUse& area : areas) {
    std::string text =
        fmt::format("{} of {} of {}", grouped(area.used.value_or(0)), counted(area.slots.value_or(0), "page"),
                    area.path ? printable(*area.path) : "an area without a name");
    if (area.holds_image) text += ", where the image lies";
    if (area.kind == kZram) text += ": compressed, in the image's own memory";
    rows.emplace_back(name, text);
    name = "";
  }
}

// "a qcow2 disk image, in gzip"
std::string describe_found_in(const std::vector<FoundIn>& found_in) {
  std::string text;
  for (const FoundIn& around : found_in) text = around.title + (text.empty() ? "" : ", in " + text);
  return text;
}

void add_kernel(Rows& rows, const InspectReport& report) {
  const ImageInfo& info = report.info;
  if (info.kernel.release) {
    rows.emplace_back("kernel", printable(*info.kernel.release) +
                                    (info.kernel.machine ? " " + printable(*info.kernel.machine) : ""));
    if (info.kernel.version) rows.emplace_back("", printable(*info.kernel.version));
  } else {
    rows.emplace_back("kernel", !info.pages_are_known ? "not known"
                                : report.searched     ? "none in its pages"
                                                  : "not said by this image; --search looks in its pages");
  }
  if (const Record* machine = find_record(report.records, kMachineRecord)) {
    if (const auto* pfn = machine->number("vmcoreinfo_pfn"))
      rows.emplace_back("", fmt::format("found in its pages: VMCOREINFO at PFN {:#x}", *pfn));
    if (const auto* others = machine->text("other_kernels"))
      rows.emplace_back("other kernels", printable(*others));
  }
  if (report.build_id) rows.emplace_back("build ID", printable(*report.build_id));
  if (report.kaslr_slide) rows.emplace_back("KASLR slide", hex(*report.kaslr_slide));
}

void add_integrity(Rows& rows, const ImageInfo& info) {
  rows.emplace_back("integrity", info.integrity_value.empty()
                                     ? info.integrity_algorithm
                                     : fmt::format("{}{}{} {}", info.integrity_algorithm,
                                                   info.integrity_of.empty() ? "" : " ", info.integrity_of,
                                                   info.integrity_value));
  if (info.content_digest) rows.emplace_back("content", *info.content_digest);
}

std::string marked(const Style& style, Severity severity) {
  const std::string name(name_of(severity));
  if (severity == Severity::Error) return style.red(name);
  return severity == Severity::Warning ? style.yellow(name) : name;
}

}  // namespace

std::string_view image_state(const ImageInfo& info) {
  const bool has_no_header = info.has_finding("carved") && info.state == ImageState::None;
  return has_no_header ? "" : name_of(info.state);
}

std::vector<std::pair<std::string, std::string>> summary_of(const InspectReport& report) {
  const ImageInfo& info = report.info;
  Rows rows;
  rows.emplace_back("file",
                    fmt::format("{} ({} bytes)", human_bytes(info.file_bytes), grouped(info.file_bytes)));
  if (!info.found_in.empty()) rows.emplace_back("found in", describe_found_in(info.found_in));
  rows.emplace_back("codec", info.codec);
  rows.emplace_back("page size", std::to_string(info.page_size));
  rows.emplace_back("pages", info.pages_are_known ? describe_pages(info.pages, info.page_size) : "not known");
  if (report.swapped) rows.emplace_back("swapped out", describe_swapped(*report.swapped, report.records));
  if (const auto areas = swap_areas_in(report.records)) add_swap_areas(rows, *areas);
  if (info.end_pfn > 0)
    rows.emplace_back("memory ends", fmt::format("PFN {:#x} ({})", info.end_pfn,
                                                 human_bytes(info.end_pfn * info.page_size)));
  add_kernel(rows, report);
  for (const auto& [name, text] : info.details) rows.emplace_back(name, printable(text));
  add_integrity(rows, info);
  if (!report.records.empty()) {
    std::string names;
    for (const Record& record : report.records) names += (names.empty() ? "" : ", ") + printable(record.type);
    rows.emplace_back("records", names);
  }
  return rows;
}

void print_summary(std::ostream& out, const Style& style, const InspectReport& report,
                   std::string_view format_title) {
  const ImageInfo& info = report.info;
  const std::string state(image_state(info));
  out << fmt::format("{}: {}{}{}{}\n", style.bold(printable(info.path)), format_title,
                     info.variant.empty() ? "" : ", " + info.variant, state.empty() ? "" : ", ",
                     info.state == ImageState::Incomplete ? style.red(state) : state);
  for (const auto& [name, value] : summary_of(report)) out << fmt::format("  {:<14}{}\n", name, value);
  for (const Finding& finding : info.findings)
    out << fmt::format("  {}: {}\n", marked(style, finding.severity), printable(finding.text));
}

}  // namespace hib::report
