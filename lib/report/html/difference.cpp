#include "lib/report/html/difference.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/devices.h"
#include "lib/report/html/page_strip.h"
#include "lib/report/html/parts.h"
#include "lib/report/html/style.h"
#include "lib/report/processor.h"

namespace hib::report {
namespace {

// One kind of page: how many there are, and where.
struct Part {
  StripColour kind;
  std::uint64_t DiffReport::*count;
  std::vector<PfnRange> DiffReport::*ranges;
};

const std::vector<Part>& parts() {
  static const std::vector<Part> all = {
      {{"same", "calm"}, &DiffReport::same, &DiffReport::same_ranges},
      {{"changed", "k2"}, &DiffReport::changed, &DiffReport::changed_ranges},
      {{"only before", "k5"}, &DiffReport::only_a, &DiffReport::only_a_ranges},
      {{"only now", "k1"}, &DiffReport::only_b, &DiffReport::only_b_ranges},
      {{"unreadable", "alarm", true}, &DiffReport::unknown, &DiffReport::unknown_ranges},
  };
  return all;
}

std::string memory_headline(const Difference& difference) {
  if (!difference.memory) return "memory is not compared: a side has none";
  return difference.memory->identical() ? "identical memory" : "the memory differs";
}

void add_side(Html& html, const char* name, const Side& side) {
  const Element line(html, "p");
  html.element("b", name);
  html.text(fmt::format(": {} ({})", side.path, side.format));
}

void add_diff_header(Html& html, const Difference& difference, const Side& before, const Side& now) {
  const Element header(html, "header", {{"class", difference.identical() ? "good" : "warn"}});
  std::string text = memory_headline(difference);
  if (difference.devices) text += "; " + comparison_headline(*difference.devices);
  html.element("h1", text);
  add_side(html, "before", before);
  add_side(html, "now", now);
}

void draw_changes(Html& html, const DiffReport& report, std::uint32_t page_size) {
  Pfn end = 0;
  for (const Part& part : parts()) {
    for (const auto& [first, count] : report.*part.ranges) end = std::max(end, first + count);
  }
  PageStrip strip(end);
  std::vector<StripColour> kinds;
  for (std::size_t i = 0; i < parts().size(); ++i) {
    kinds.push_back(parts()[i].kind);
    for (const auto& [first, count] : report.*parts()[i].ranges) strip.add(i, first, count);
  }
  draw_strip(html, strip, page_size, kinds);
}

void add_counts(Html& html, const DiffReport& report, std::uint32_t page_size) {
  const Element table(html, "table");
  add_heads(html, {"pages", "#count", "#size", "#ranges"});
  for (const Part& part : parts()) {
    const Element row(html, "tr");
    add_swatch(html, part.kind.colour, part.kind.name);
    add_number(html, report.*part.count);
    add_size(html, report.*part.count * page_size);
    add_number(html, (report.*part.ranges).size());
  }
}

// All but those that are the same.
void add_ranges(Html& html, const DiffReport& report, std::uint32_t page_size) {
  std::size_t rows = 0;
  const Element details(html, "details");
  html.element("summary", "Where");
  {
    const Element table(html, "table");
    add_heads(html, {"pages", "#first", "#count", "#size"});
    for (std::size_t i = 1; i < parts().size(); ++i) {
      for (const auto& [first, count] : report.*parts()[i].ranges) {
        if (++rows > kMostRows) continue;
        const Element row(html, "tr");
        add_swatch(html, parts()[i].kind.colour, parts()[i].kind.name);
        html.element("td", hex(first), {{"class", "number"}});
        add_number(html, count);
        add_size(html, count * page_size);
      }
    }
  }
  left_out(html, rows, kMostRows);
}

void add_pages(Html& html, const char* id, const char* title, const DiffReport& report,
               std::uint32_t page_size) {
  const Section section(html, id, title);
  draw_changes(html, report, page_size);
  add_counts(html, report, page_size);
  if (!report.identical_memory()) add_ranges(html, report, page_size);
}

void add_how(Html& html, const DiffReport& report) {
  const Section section(html, "how", "How it was compared");
  if (report.by_stored_hashes)
    html.element("p", "By the page hashes that both images store; the pages were not read (verify does).");
  else if (report.not_read.empty())
    html.element("p", "All pages of both were read.");
  for (const std::string& path : report.not_read) {
    if (!report.by_stored_hashes)
      html.element(
          "p", fmt::format("Of {} only the stored page hashes were read (verify reads its pages).", path));
  }
  if (report.swapped_on_one_side)
    html.element("p", "Swapped-out pages are not compared: only one side has them.");
  add_damage(html, report.damage);
}

void add_memory_changes(Html& html, const DiffReport& report, std::uint32_t page_size) {
  add_pages(html, "memory", "Memory", report, page_size);
  if (report.swapped != nullptr)
    add_pages(html, "swapped", "Swapped-out pages, by their slots", *report.swapped, page_size);
  add_how(html, report);
}

void add_change(Html& html, const ComparisonRow& change) {
  const Element row(html, "tr");
  html.element("td", change.verdict, {{"class", "short"}});
  html.element("td", change.kind, {{"class", "short"}});
  html.element("td", change.before);
  html.element("td", change.now);
  html.element("td", change.why);
}

void add_device_changes(Html& html, const Difference& difference, const Side& before, const Side& now) {
  const Section section(html, "devices", "Devices");
  if (!difference.devices) {
    html.element("p", "Not compared: a side has no records of them.");
    return;
  }
  html.element("p", comparison_counts(*difference.devices));
  const auto changes = changes_of(*before.devices, *now.devices, *difference.devices);
  if (changes.empty()) return;
  {
    const Element scroll(html, "div", {{"class", "scroll"}});
    const Element table(html, "table");
    add_heads(html, {"verdict", "kind", "before", "now", "why"});
    for (std::size_t i = 0; i < std::min(changes.size(), kMostRows); ++i) add_change(html, changes[i]);
  }
  left_out(html, changes.size(), kMostRows);
}

void add_processor_changes(Html& html, const Side& before, const Side& now) {
  const auto differences = processor_differences(before, now);
  if (!differences) return;
  const Section section(html, "processor", "Processor");
  html.element("p", differences->empty() ? "The one of now has all that the one of before has."
                                         : "The machine of before could not go on on the one of now.");
  if (differences->empty()) return;
  const Element table(html, "table");
  add_heads(html, {"what", "expected", "found"});
  for (const jump::ProcessorDifference& difference : *differences) {
    const Element row(html, "tr");
    html.element("td", difference.what);
    html.element("td", difference.expected);
    html.element("td", difference.found);
  }
}

}  // namespace

std::string html_of_difference(const Difference& difference, const Side& before, const Side& now) {
  Html html("hibtool diff", kPageStyle);
  html.open("main");
  add_diff_header(html, difference, before, now);
  if (difference.memory) add_memory_changes(html, *difference.memory, before.image->info().page_size);
  add_device_changes(html, difference, before, now);
  add_processor_changes(html, before, now);
  add_footer(html, "diff");
  return std::move(html).finish();
}

}  // namespace hib::report
