#include "lib/ops/inspect.h"

#include <set>

#include "lib/image/runs.h"
#include "lib/image/vmcore_notes.h"
#include "lib/os/cancel.h"

namespace hib {
namespace {

// A finding may name the file, damage does not.
std::string without_name(const std::string& text, const std::string& path) {
  return text.starts_with(path + ": ") ? text.substr(path.size() + 2) : text;
}

void add_damage(InspectReport& report, std::vector<Damage> damage) {
  std::vector<Finding>& findings = report.info.findings;
  std::set<std::string> said;
  for (const Finding& finding : findings) said.insert(without_name(finding.text, report.info.path));
  for (const Damage& one : damage) {
    std::string text = one.error.text();
    if (said.insert(text).second)
      findings.push_back({"damage", Severity::Error, one.error.offset, std::move(text)});
  }
  report.damage = std::move(damage);
}

// The log is found by VMCOREINFO, which lies in the pages of an image that does not carry it.
Result<memory::KernelLog> log_of(const ImageReader& image, bool has_vmcoreinfo, bool was_searched) {
  auto log = memory::kernel_log(image);
  if (!log && !has_vmcoreinfo && !was_searched && log.error().advice.empty())
    return fail(std::move(log).error().advise("inspect --search looks for it in the pages"));
  return log;
}

StripKind kind_of(const PageRun& run) {
  switch (run.state) {
    case PageState::Data: return StripKind::Data;
    case PageState::Fill: return run.fill == 0 ? StripKind::Zero : StripKind::Data;
    case PageState::Absent: return StripKind::Absent;
    case PageState::Unreadable: return StripKind::Unreadable;
  }
  return StripKind::Unreadable;
}

Result<void> walk_runs(const ImageReader& image, const InspectOptions& options, InspectReport& report) {
  if (options.want_strip) report.strip.emplace(report.info.end_pfn);
  TRY(auto runs, image.runs());
  for (;;) {
    TRY(const auto run, runs->next());
    if (!run) return {};
    if (cancelled()) return fail(cancelled_error());
    if (options.want_runs) append_run(report.runs, *run);
    if (options.want_strip)
      report.strip->add(static_cast<std::size_t>(kind_of(*run)), run->first, run->count);
  }
}

}  // namespace

Result<InspectReport> inspect(const ImageReader& image, const InspectOptions& options) {
  InspectReport report;
  report.searched = options.was_searched;
  report.info = image.info();
  report.info.kernel = kernel_identity(image);
  if (const ImageReader* swapped = image.swapped_pages()) report.swapped = swapped->info().pages;
  report.records = image.records();
  if (const std::string* vmcoreinfo = vmcoreinfo_of(report.records)) {
    report.kaslr_slide = vmcoreinfo_number(*vmcoreinfo, "KERNELOFFSET");
    const auto values = parse_vmcoreinfo(*vmcoreinfo);
    if (const auto it = values.find("BUILD-ID"); it != values.end()) report.build_id = it->second;
  }
  const bool can_draw = options.want_strip && report.info.pages_are_known;
  if (options.want_runs || can_draw) TRY_OK(walk_runs(image, options, report));
  if (options.want_map) {
    TRY(const RangeMap map, image.map());
    report.map = map.tiled(report.info.file_bytes);
  }
  if (options.want_log) {
    TRY(report.log, log_of(image, vmcoreinfo_of(report.records) != nullptr, options.was_searched));
  }
  if (options.want_damage) add_damage(report, image.check_structure().damage);
  return report;
}

}  // namespace hib
