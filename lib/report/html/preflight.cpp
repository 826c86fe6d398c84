#include "lib/report/html/preflight.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html/parts.h"
#include "lib/report/html/style.h"
#include "lib/report/html/writer.h"
#include "lib/report/preflight.h"

namespace hib::report {
namespace {

using diagnose::Check;
using diagnose::CheckResult;
using diagnose::PreflightReport;

const char* tone_of(CheckResult result) {
  switch (result) {
    case CheckResult::Ok: return "good";
    case CheckResult::Warning: return "warn";
    case CheckResult::WouldFail: return "bad";
    case CheckResult::Unknown: return "calm";
  }
  return "calm";
}

// What is not known stands before a warning: nothing may look well that was not looked at.
CheckResult worst_of(const PreflightReport& report) {
  const auto has = [&](CheckResult result) {
    return std::any_of(report.checks.begin(), report.checks.end(),
                       [&](const Check& check) { return check.result == result; });
  };
  if (report.would_fail()) return CheckResult::WouldFail;
  if (has(CheckResult::Unknown) || !report.not_read.empty()) return CheckResult::Unknown;
  return has(CheckResult::Warning) ? CheckResult::Warning : CheckResult::Ok;
}

void add_check(Html& html, const Check& check) {
  {
    const Element line(html, "p");
    add_chip(html, tone_of(check.result), name_of(check.result));
    html.text(check.text);
    html.element("span", fmt::format("  {}", check.name), {{"class", "small soft"}});
  }
  if (check.result == CheckResult::Ok) return;
  add_evidence(html, check.evidence);
  if (check.fix.empty()) return;
  const Element list(html, "ul");
  for (const diagnose::Advice& advice : check.fix) {
    const Element item(html, "li");
    add_advice(html, advice);
  }
}

// The checks of one result; what would fail comes first.
void add_checks(Html& html, const PreflightReport& report, CheckResult result, const char* title) {
  const auto is_it = [&](const Check& check) { return check.result == result; };
  if (std::none_of(report.checks.begin(), report.checks.end(), is_it)) return;
  const Section section(html, name_of(result), title);
  for (const Check& check : report.checks) {
    if (is_it(check)) add_check(html, check);
  }
}

void add_not_read(Html& html, const std::vector<diagnose::boot::Unread>& all) {
  if (all.empty()) return;
  const Section section(html, "not-read", "Not read");
  {
    const Element list(html, "ul");
    for (std::size_t i = 0; i < std::min(all.size(), kMostRows); ++i)
      html.element("li", fmt::format("{}: {}", all[i].path, all[i].why));
  }
  left_out(html, all.size(), kMostRows);
}

}  // namespace

std::string html_of_preflight(const PreflightReport& report) {
  Html html("hibtool diagnose --preflight", kPageStyle);
  html.open("main");
  {
    const Element header(html, "header", {{"class", tone_of(worst_of(report))}});
    html.element("p", "before hibernating", {{"class", "small soft"}});
    html.element("h1", preflight_headline(report));
  }
  add_checks(html, report, CheckResult::WouldFail, "Would fail");
  add_checks(html, report, CheckResult::Warning, "Warnings");
  add_checks(html, report, CheckResult::Unknown, "Not known");
  add_checks(html, report, CheckResult::Ok, "All well");
  add_not_read(html, report.not_read);
  add_footer(html, "diagnose --preflight", report.is_masked);
  return std::move(html).finish();
}

}  // namespace hib::report
