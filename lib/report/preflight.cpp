#include "lib/report/preflight.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/advice.h"

namespace hib::report {
namespace {

using diagnose::Check;
using diagnose::CheckResult;
using diagnose::PreflightReport;

std::string result_mark(const Style& style, CheckResult result) {
  switch (result) {  // padded before colouring: escapes have no width
    case CheckResult::Ok: return style.green(fmt::format("{:<12}", "ok"));
    case CheckResult::Warning: return style.yellow(fmt::format("{:<12}", "warning"));
    case CheckResult::WouldFail: return style.red(fmt::format("{:<12}", "WOULD FAIL"));
    case CheckResult::Unknown: return style.yellow(fmt::format("{:<12}", "not known"));
  }
  return "";
}

std::size_t count_of(const PreflightReport& report, CheckResult result) {
  return static_cast<std::size_t>(std::count_if(report.checks.begin(), report.checks.end(),
                                                [&](const Check& check) { return check.result == result; }));
}

bool leaves_place_open(const PreflightReport& report) {
  return std::any_of(report.checks.begin(), report.checks.end(), [](const Check& check) {
    return check.result == CheckResult::Unknown && check.name == "resume-device";
  });
}

Json json_of_bounds(const diagnose::Bounds& bounds) {
  return {{"least", bounds.least}, {"likely", bounds.likely}, {"most", bounds.most}};
}

Json json_of_space(const diagnose::SpaceReport& space) {
  const diagnose::ImageEstimate& estimate = space.estimate;
  const auto& sample = space.sample;
  const auto number_or_null = [](const std::optional<std::uint64_t>& number) {
    return number ? Json(*number) : Json(nullptr);
  };
  return {
      {"sampled", sample.has_value()},
      {"why_not_sampled", space.why_no_sample.empty() ? Json(nullptr) : Json(printable(space.why_no_sample))},
      {"codec", sample ? Json(sample->codec) : Json(nullptr)},
      {"sampled_units", sample ? sample->units.size() : 0},
      {"compressed_percent", sample ? Json(std::llround(sample->ratio() * 100)) : Json(nullptr)},
      {"in_use_bytes", estimate.in_use},
      {"image_size_bytes", estimate.image_size},
      {"image_bytes", json_of_bounds(estimate.image)},
      {"area_bytes", estimate.area ? json_of_bounds(*estimate.area) : Json(nullptr)},
      {"free_bytes", number_or_null(space.free_bytes)},
      {"kernel_wants_bytes", number_or_null(estimate.wanted_at_start)},
      {"logind_counts_bytes", space.active_anonymous == 0 ? Json(nullptr) : Json(space.active_anonymous)}};
}

}  // namespace

std::string preflight_headline(const PreflightReport& report, const Style& style) {
  const std::size_t failures = count_of(report, CheckResult::WouldFail);
  const std::size_t warnings = count_of(report, CheckResult::Warning);
  const std::string more = warnings == 0 ? "" : "; " + counted(warnings, "warning");
  if (failures > 0) return style.red(counted(failures, "reason") + " why hibernating would fail") + more;
  const std::size_t unknown = count_of(report, CheckResult::Unknown) + report.not_read.size();
  if (unknown == 0) return style.green("nothing stands in the way of hibernating") + more;
  const std::string rest =
      fmt::format("; {} not known", unknown == 1 ? "1 thing is" : counted(unknown, "thing") + " are");
  if (leaves_place_open(report))
    return style.yellow("not known: whether the device to resume from is there could not be checked") + more +
           rest;
  return style.green("nothing is seen that stands in the way of hibernating") + more + rest;
}

// Columns of a file are of no use in a sentence.
std::string without_columns(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool is_blank = c == ' ' || c == '\t';
    if (!is_blank || out.empty() || out.back() != ' ') out += is_blank ? ' ' : c;
  }
  return out;
}

void print_problem(std::ostream& out, const Style& style, const Check& check) {
  for (const diagnose::Evidence& evidence : check.evidence)
    out << fmt::format("              {}: \"{}\"\n", place_of(evidence),
                       printable(without_columns(evidence.text)));
  for (const diagnose::Advice& advice : check.fix)
    out << "              " << style.bold("fix") << ": " << advice_line(advice) << "\n";
}

void print_preflight(std::ostream& out, const Style& style, const PreflightReport& report) {
  out << preflight_headline(report, style) << "\n";
  for (const Check& check : report.checks) {
    out << "  " << result_mark(style, check.result) << printable(check.text) << "\n";
    if (check.result == CheckResult::Warning || check.result == CheckResult::WouldFail)
      print_problem(out, style, check);
  }
  for (const diagnose::boot::Unread& unread : report.not_read)
    out << fmt::format("  {}{}: {}\n", style.yellow(fmt::format("{:<12}", "not read")),
                       printable(unread.path), printable(unread.why));
  if (report.is_masked) out << kMaskedLine << "\n";
}

Json json_of_preflight(const PreflightReport& report) {
  Json document = json_document("diagnose-preflight");
  document["would_fail"] = report.would_fail();
  document["checks"] = Json::array();
  for (const Check& check : report.checks) {
    Json evidence = Json::array();
    for (const diagnose::Evidence& one : check.evidence) evidence.push_back(json_of_evidence(one));
    Json advice = Json::array();
    std::string fix;
    for (const diagnose::Advice& one : check.fix) {
      advice.push_back(json_of_advice(one));
      fix += (fix.empty() ? "" : "; ") + advice_line(one);
    }
    document["checks"].push_back({{"code", check.name},
                                  {"verdict", name_of(check.code)},
                                  {"result", name_of(check.result)},
                                  {"text", printable(check.text)},
                                  {"fix", fix.empty() ? Json(nullptr) : Json(fix)},
                                  {"evidence", std::move(evidence)},
                                  {"advice", std::move(advice)}});
  }
  document["space"] = report.space ? json_of_space(*report.space) : Json(nullptr);
  document["not_read"] = Json::array();
  for (const diagnose::boot::Unread& unread : report.not_read)
    document["not_read"].push_back({{"path", printable(unread.path)}, {"why", printable(unread.why)}});
  document["masked"] = report.is_masked;
  return document;
}

}  // namespace hib::report
