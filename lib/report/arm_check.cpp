#include "lib/report/arm_check.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/layout.h"

namespace hib::report {
namespace {

// Of a mail, or a ticket.
constexpr std::size_t kLineWidth = 80;
constexpr std::size_t kTextColumn = 26;
constexpr std::array<jump::CheckResult, 4> kWorstFirst = {jump::CheckResult::Refused,
                                                          jump::CheckResult::Warning,
                                                          jump::CheckResult::Unknown, jump::CheckResult::Ok};

std::string check_mark(const Style& style, jump::CheckResult result) {
  switch (result) {  // padded before colouring: escapes have no width
    case jump::CheckResult::Ok: return style.green(fmt::format("{:<10}", "ok"));
    case jump::CheckResult::Warning: return style.yellow(fmt::format("{:<10}", "warning"));
    case jump::CheckResult::Refused: return style.red(fmt::format("{:<10}", "REFUSED"));
    case jump::CheckResult::Unknown: return style.yellow(fmt::format("{:<10}", "not known"));
  }
  return "";
}

std::string in_column(const Style& style, const std::string& text) {
  const std::size_t width = style.is_terminal() ? std::min(style.columns(), kLineWidth) : kLineWidth;
  std::string column;
  for (const std::string& line : lines_of_words(text, width - std::min(width, kTextColumn)))
    column += (column.empty() ? "" : "\n" + std::string(kTextColumn, ' ')) + line;
  return column;
}

std::string headline(const jump::CheckReport& report, const Style& style) {
  const auto count = [&](jump::CheckResult result) {
    return static_cast<std::size_t>(
        std::count_if(report.checks.begin(), report.checks.end(),
                      [&](const jump::Check& check) { return check.result == result; }));
  };
  const std::size_t refusals = count(jump::CheckResult::Refused);
  const std::size_t warnings = count(jump::CheckResult::Warning);
  const std::size_t unknown = count(jump::CheckResult::Unknown);
  std::string line = refusals == 0 ? style.green("nothing that was looked at forbids the jump")
                                   : style.red("the jump is refused: " + counted(refusals, "reason"));
  if (warnings != 0) line += "; " + counted(warnings, "warning");
  if (unknown != 0) line += fmt::format("; {} not known", unknown);
  return line;
}

}  // namespace

void print_arm_check(std::ostream& out, const Style& style, const jump::CheckReport& report) {
  out << headline(report, style) << "\n";
  for (const jump::CheckResult result : kWorstFirst) {
    for (const jump::Check& check : report.checks) {
      if (check.result != result) continue;
      const std::string fix = check.fix.empty() ? "" : "; " + check.fix;
      out << fmt::format("{}{:<16}{}\n", check_mark(style, result), check.code,
                         in_column(style, printable(check.text + fix)));
    }
  }
  for (const auto& unread : report.not_read)
    out << style.yellow(fmt::format("{:<10}", "not read"))
        << in_column(style, printable(unread.path + ": " + unread.why)) << "\n";
}

Json json_of_arm_check(const jump::CheckReport& report) {
  Json document = json_document("arm-check");
  document["allowed"] = report.allowed();
  document["kernel"] = report.release.empty() ? Json(nullptr) : Json(printable(report.release));
  document["checks"] = Json::array();
  for (const jump::Check& check : report.checks) {
    document["checks"].push_back({{"code", check.code},
                                  {"result", name_of(check.result)},
                                  {"text", printable(check.text)},
                                  {"source", printable(check.source)},
                                  {"fix", check.fix.empty() ? Json(nullptr) : Json(printable(check.fix))}});
  }
  document["not_read"] = Json::array();
  for (const auto& unread : report.not_read)
    document["not_read"].push_back({{"path", printable(unread.path)}, {"why", printable(unread.why)}});
  return document;
}

}  // namespace hib::report
