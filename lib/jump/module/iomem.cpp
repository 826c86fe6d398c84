#include "lib/jump/module/iomem.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

namespace hib::jump {
namespace {

constexpr std::size_t kBlanksPerDepth = 2;
constexpr std::string_view kBeforeName = " : ";

// "  01000000-022090c7 : Kernel code"
std::optional<IomemLine> parse_line(std::string_view text) {
  IomemLine line;
  const std::size_t blanks = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t name = text.find(kBeforeName, blanks);
  if (name == std::string_view::npos) return std::nullopt;
  const char* const end = text.data() + name;
  const auto first = std::from_chars(text.data() + blanks, end, line.first, 16);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, line.last, 16);
  if (last.ec != std::errc() || last.ptr != end || line.last < line.first) return std::nullopt;
  line.depth = blanks / kBlanksPerDepth;
  line.name = text.substr(name + kBeforeName.size());
  return line;
}

}  // namespace

std::vector<IomemLine> parse_iomem(std::string_view text) {
  std::vector<IomemLine> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (auto line = parse_line(text.substr(0, end))) lines.push_back(std::move(*line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<MemoryRange> memory_ranges(const std::vector<IomemLine>& lines, std::string_view name) {
  std::vector<MemoryRange> ranges;
  for (const IomemLine& line : lines) {  // at any depth: drivers (hmem) may lie around it
    if (line.name != name || line.last == UINT64_MAX || line.first > UINT64_MAX - kPageBytes) continue;
    const std::uint64_t start = round_up(line.first, kPageBytes);
    const std::uint64_t end = (line.last + 1) / kPageBytes * kPageBytes;
    if (start < end) ranges.push_back({start, end - start});
  }
  return ranges;
}

Result<std::vector<MemoryRange>> read_memory_ranges(std::string_view kind) {
  std::ifstream file("/proc/iomem");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  auto ranges = memory_ranges(parse_iomem(text), kind);
  if (ranges.empty())
    return fail(make_error(ErrorKind::Refused, "/proc/iomem", fmt::format("no addresses of {}", kind),
                           "root, who sees them"));
  return ranges;
}

}  // namespace hib::jump
