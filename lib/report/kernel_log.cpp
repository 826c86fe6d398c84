#include "lib/report/kernel_log.h"

#include <fmt/format.h>

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

// A record of several lines stays one.
std::string printable_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    out += (out.empty() ? "" : "\n") + printable_with_tabs(part);
  }
  return out;
}

void print_line(std::ostream& out, const Style& style, const memory::LogLine& line) {
  const std::string time =
      fmt::format("[{:5}.{:06}] ", line.time_ns / kNsPerSecond, line.time_ns % kNsPerSecond / 1000);
  std::string_view rest = line.text;
  for (bool is_first = true; is_first || !rest.empty(); is_first = false) {
    const std::string_view part = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    out << (is_first ? style.green(time) : std::string(time.size(), ' '))
        << coloured(style, line.level, printable_with_tabs(part)) << "\n";
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
                     {"text", printable_lines(line.text)}});
  }
  return {{"lines", std::move(lines)},
          {"lines_overwritten", log.lost_before},
          {"lines_unreadable", log.unreadable}};
}

}  // namespace hib::report
