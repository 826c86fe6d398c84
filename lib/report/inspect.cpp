#include "lib/report/inspect.h"

#include "lib/report/devices.h"
#include "lib/report/kernel_log.h"
#include "lib/report/summary.h"
#include "lib/report/text.h"

namespace hib::report {

Json json_of_inspected(const Inspected& image, const InspectParts& parts) {
  const InspectReport& report = image.report;
  Json document = json_of_inspect(report);
  if (parts.pages) document["runs"] = json_of_runs(report.runs);
  if (parts.map) document["map"] = json_of_map(report.map);
  if (parts.records) document["records"] = json_of_records(report.records);
  if (report.log) document.update(json_of_log(*report.log));
  if (!image.history.empty()) document["breadcrumbs"] = json_of_history(image.history);
  if (parts.devices) document["devices"] = image.devices ? json_of_devices(*image.devices) : Json(nullptr);
  return document;
}

void print_inspected(std::ostream& out, const Style& style, const Inspected& image, const InspectParts& parts,
                     std::string_view format_title) {
  const InspectReport& report = image.report;
  if (!parts.no_summary) print_summary(out, style, report, format_title);
  if (parts.pages) print_runs(out, report.runs, report.info.page_size);
  if (parts.map) print_map(out, report.map);
  if (parts.records) print_records(out, style, report.records);
  if (!parts.no_summary) print_history(out, image.history);
  if (report.log) print_log(out, style, *report.log);
  if (!parts.devices) return;
  if (image.devices) {
    print_devices(out, style, *image.devices, parts.numeric);
    return;
  }
  out << "  this image holds no device records; create --probe adds those of this machine, create --records "
         "those\n"
         "  that hibtool probe -o FILE wrote on another\n";
}

}  // namespace hib::report
