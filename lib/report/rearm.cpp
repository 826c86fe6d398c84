#include "lib/report/rearm.h"

#include "lib/base/text.h"

namespace hib::report {
namespace {

const char* headline(const RearmReport& report) {
  if (report.armed_already)
    return report.possible() ? "armed already" : "armed already, and not all of what follows is right";
  if (report.written) return "armed";
  return report.possible() ? "could be armed; --yes does it" : "not armed";
}

}  // namespace

void print_rearm(std::ostream& out, const Style& style, const RearmReport& report) {
  out << printable(report.image) << ": " << headline(report) << "\n";
  for (const RearmCheck& check : report.checks) {
    out << "  " << (check.ok ? style.green("ok ") : style.red("NO ")) << " " << printable(check.name) << ": "
        << printable(check.text) << "\n";
  }
}

std::string refusals_of(const RearmReport& report) {
  std::string names;
  for (const RearmCheck& check : report.checks) {
    if (!check.ok) names += (names.empty() ? "" : ", ") + printable(check.name);
  }
  return names;
}

Json json_of_rearm(const RearmReport& report) {
  Json document = json_document("rearm");
  document["rearm"] = {
      {"possible", report.possible()}, {"armed_already", report.armed_already}, {"written", report.written}};
  document["path"] = printable(report.image);
  document["checks"] = Json::array();
  for (const RearmCheck& check : report.checks) {
    document["checks"].push_back(
        {{"name", printable(check.name)}, {"ok", check.ok}, {"text", printable(check.text)}});
  }
  return document;
}

}  // namespace hib::report
