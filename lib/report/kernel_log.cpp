#include "lib/report/kernel_log.h"

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "lib/base/text.h"

namespace hib::report {
namespace {

constexpr unsigned kError = 3;
constexpr unsigned kWarning = 4;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

std::string coloured(const Style& style, unsigned level, const std::string& text) {
  if (level <= kError) return style.red(text);
  return level == kWarning ? style.yellow(text) : text;
}

// Drivers align their lines with tabs, which do no harm.
std::string printable_with_tabs(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t tab = std::min(text.find('\t', at), text.size());
    out += printable(text.substr(at, tab - at));
    if (tab < text.size()) out += '\t';
    at = tab + 1;
  }
  return out;
}

// Of one record: at least one, and none for a line end behind the last.
std::vector<std::string> printable_lines(std::string_view text) {
  std::vector<std::string> lines;
  do {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    lines.push_back(printable_with_tabs(line));
  } while (!text.empty());
  return lines;
}

void print_line(std::ostream& out, const Style& style, const memory::LogLine& line) {
  const std::string time =
      fmt::format("[{:5}.{:06}] ", line.time_ns / kNsPerSecond, line.time_ns % kNsPerSecond / 1000);
  std::string in_front = style.green(time);
  for (const std::string& text : printable_lines(line.text)) {
    out << in_front << coloured(style, line.level, text) << "\n";
    in_front.assign(time.size(), ' ');
  }
}

}  // namespace

void print_log(std::ostream& out, const Style& style, const memory::KernelLog& log) {
  if (log.lost_before > 0)
    out << fmt::format("({} overwritten by later ones)\n", counted(log.lost_before, "earlier line"));
  for (const memory::LogLine& line : log.lines) print_line(out, style, line);
  if (log.unreadable > 0) out << fmt::format("({} not in the image)\n", counted(log.unreadable, "line"));
}

Json json_of_log(const memory::KernelLog& log) {
  Json lines = Json::array();
  for (const memory::LogLine& line : log.lines) {
    lines.push_back({{"time_ns", line.time_ns},
                     {"level", line.level},
                     {"caller", line.caller ? Json(memory::caller_of(*line.caller)) : Json(nullptr)},
                     {"text", fmt::format("{}", fmt::join(printable_lines(line.text), "\n"))}});
  }
  return {{"lines", std::move(lines)},
          {"lines_overwritten", log.lost_before},
          {"lines_unreadable", log.unreadable}};
}

}  // namespace hib::report
