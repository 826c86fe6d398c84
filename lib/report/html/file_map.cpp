#include "lib/report/html/file_map.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html/parts.h"

namespace hib::report {
namespace {

std::string class_of_label(const std::string& label, const ImageMap& map) {
  if (label == kUnlabelled) return "none";
  for (std::size_t i = 0; i < map.totals.size(); ++i) {
    if (map.totals[i].label == label) return colour(i);
  }
  return "none";
}

std::string shown_label(const std::string& label) {
  return label == kUnlabelled ? "nothing of the image" : label;
}

std::vector<std::uint64_t> damage_offsets(const ImageMap& map, const std::vector<Damage>& all) {
  std::vector<std::uint64_t> offsets;
  for (const Damage& damage : all) {
    if (damage.error.offset && *damage.error.offset <= map.file_bytes && offsets.size() < kMostMarks)
      offsets.push_back(*damage.error.offset);
  }
  return offsets;
}

void draw_map(Html& html, const ImageMap& map, const std::vector<Damage>& all) {
  const auto x_of = [&](std::uint64_t offset) {
    return static_cast<double>(offset) / static_cast<double>(map.file_bytes) * kWidth;
  };
  const Element scroll(html, "div", {{"class", "scroll"}});
  const Element svg(
      html, "svg",
      {{"viewBox", "0 0 1000 92"}, {"role", "img"}, {"aria-label", "what lies where in the image"}});
  for (const LabelledRange& range : map.cells) {
    const Element rect(html, "rect",
                       {{"class", "paint " + class_of_label(range.label, map)},
                        {"x", px(x_of(range.offset))},
                        {"y", "14"},
                        {"width", px(std::max(x_of(range.size), 1.0))},
                        {"height", "52"}});
    html.element("title", shown_label(range.label));
  }
  html.empty("rect", {{"class", "frame"}, {"x", "0.5"}, {"y", "14"}, {"width", "999"}, {"height", "52"}});
  for (const std::uint64_t offset : damage_offsets(map, all)) {
    const std::string x = px(x_of(offset));
    html.empty("line", {{"class", "damage"}, {"x1", x}, {"x2", x}, {"y1", "10"}, {"y2", "70"}});
    html.empty("path", {{"class", "wedge"}, {"d", fmt::format("M{} 12 l-5 -9 h10 z", x)}});
  }
  html.element("text", "0", {{"x", "0"}, {"y", "84"}});
  html.element("text", human_bytes(map.file_bytes), {{"x", "1000"}, {"y", "84"}, {"text-anchor", "end"}});
}

void add_file_legend(Html& html, const ImageMap& map) {
  const Element table(html, "table");
  add_heads(html, {"what", "#ranges", "#size"});
  for (const LabelTotal& total : map.totals) {
    const Element row(html, "tr");
    add_swatch(html, class_of_label(total.label, map), shown_label(total.label));
    add_number(html, total.ranges);
    add_size(html, total.bytes);
  }
}

}  // namespace

void add_file_map(Html& html, const ImageMap& map, const std::vector<Damage>& damage) {
  if (map.cells.empty()) return;
  draw_map(html, map, damage);
  add_file_legend(html, map);
}

}  // namespace hib::report
