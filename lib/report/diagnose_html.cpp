#include "lib/report/diagnose_html.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/clock.h"
#include "lib/report/devices.h"
#include "lib/report/html.h"
#include "lib/report/html_parts.h"
#include "lib/report/page_style.h"

namespace hib::report {
namespace {

using diagnose::ImageMap;
using diagnose::PostMortem;
using diagnose::RegionChange;
using diagnose::SessionState;
using diagnose::TimelineEntry;

// As kMostRows: what a hostile input can make of a page has an end.
constexpr std::size_t kMostLanes = 12;   // of the picture of the boots
constexpr std::size_t kMostMarks = 400;  // of damage in the picture of the image
constexpr std::size_t kMostDamage = 20;  // in words
constexpr std::size_t kColours = 12;
constexpr double kWidth = 1000;
constexpr double kLaneLabel = 190;
constexpr double kLaneHeight = 26;

std::string colour(std::size_t number) { return fmt::format("k{}", number % kColours); }
std::string px(double value) { return fmt::format("{:.2f}", value); }

const char* tone_of(SessionState state) {
  switch (state) {
    case SessionState::Armed:
    case SessionState::ConsumedWhole: return "good";
    case SessionState::ConsumedPartly: return "warn";
    case SessionState::Gone: return "bad";
    case SessionState::None: return "calm";
  }
  return "calm";
}

const char* tone_of(Confidence confidence) { return confidence == Confidence::Certain ? "sure" : "calm"; }

void add_session(Html& html, const diagnose::Session& session) {
  const Element header(html, "header", {{"class", tone_of(session.state)}});
  {
    const Element line(html, "p", {{"class", "small soft"}});
    if (!session.device.empty())
      html.element("span", fmt::format("session {}", name_of(session.state)),
                   {{"class", fmt::format("chip {}", tone_of(session.state))}});
    html.text(session.device.empty() ? "session" : session.device);
  }
  html.element("h1", session.text);
  if (session.next.text.empty() && session.next.command.empty()) return;
  const Element next(html, "div", {{"class", "next"}});
  html.element("b", "Next:");
  add_advice(html, session.next);
}

void add_cause(Html& html, const diagnose::Cause& cause, const char* tone) {
  {
    const Element line(html, "p");
    html.element("span", name_of(cause.code), {{"class", fmt::format("chip {}", tone)}});
    html.element("span", name_of(cause.confidence),
                 {{"class", fmt::format("chip {}", tone_of(cause.confidence))}});
    html.text(cause.text);
  }
  add_evidence(html, cause.evidence);
  if (cause.advice.empty()) return;
  html.element("h3", "What to do");
  const Element list(html, "ul");
  for (const diagnose::Advice& advice : cause.advice) {
    const Element item(html, "li");
    add_advice(html, advice);
  }
}

void add_causes(Html& html, const PostMortem& report) {
  {
    const Element section(html, "section", {{"id", "verdict"}});
    html.element("h2", "Verdict");
    add_cause(html, report.verdict, report.is_failure() ? "bad" : "good");
  }
  if (report.others.empty()) return;
  const Element section(html, "section", {{"id", "others"}});
  html.element("h2", "Other verdicts");
  for (const diagnose::Cause& cause : report.others) add_cause(html, cause, "sure");
}

void add_exonerated(Html& html, const std::vector<diagnose::Exonerated>& all) {
  if (all.empty()) return;
  const Element section(html, "section", {{"id", "not-it"}});
  html.element("h2", "Not it");
  const Element list(html, "ul");
  for (const diagnose::Exonerated& one : all) {
    const Element item(html, "li");
    html.element("b", name_of(one.code));
    html.text(": " + one.text);
  }
}

void add_not_checked(Html& html, const std::vector<std::string>& all) {
  if (all.empty()) return;
  const Element section(html, "section", {{"id", "not-checked"}});
  html.element("h2", "Not checked");
  {
    const Element list(html, "ul");
    for (std::size_t i = 0; i < std::min(all.size(), kMostRows); ++i) html.element("li", all[i]);
  }
  left_out(html, all.size(), kMostRows);
}

// One boot of the timeline: its entries, in order.
struct Lane {
  std::string boot;
  std::vector<const TimelineEntry*> entries;
};

std::vector<Lane> lanes_of(const std::vector<TimelineEntry>& timeline) {
  std::vector<Lane> lanes;
  for (const TimelineEntry& entry : timeline) {
    auto lane =
        std::find_if(lanes.rbegin(), lanes.rend(), [&](const Lane& one) { return one.boot == entry.boot; });
    if (lane == lanes.rend()) {
      lanes.push_back({entry.boot, {}});
      lane = lanes.rbegin();
    }
    lane->entries.push_back(&entry);
  }
  return lanes;
}

// Where a moment lies between 0 and 1. On the wall clock long silences are drawn short: what matters are the
// seconds around the hibernation, and a night lies between them.
class Clock {
 public:
  explicit Clock(const std::vector<TimelineEntry>& timeline) {
    const auto all = [&](auto member) {
      return std::all_of(timeline.begin(), timeline.end(),
                         [&](const TimelineEntry& e) { return (e.*member).has_value(); });
    };
    is_wall_ = all(&TimelineEntry::wall_us);
    is_known_ = !timeline.empty() && (is_wall_ || all(&TimelineEntry::monotonic_us));
    if (!is_known_) return;
    std::set<std::uint64_t> moments;
    for (const TimelineEntry& entry : timeline) moments.insert(moment(entry));
    std::uint64_t before = *moments.begin();
    double place = 0;
    for (const std::uint64_t now : moments) {
      const double seconds = static_cast<double>(now - before) / 1e6;
      place += is_wall_ ? std::log2(1 + seconds) : seconds;
      places_.emplace_back(now, place);
      before = now;
    }
  }

  bool is_known() const { return is_known_; }
  bool is_wall() const { return is_wall_; }
  double place_of(const TimelineEntry& entry) const {
    const auto found = std::lower_bound(places_.begin(), places_.end(), std::make_pair(moment(entry), 0.0));
    const double whole = places_.back().second;
    return whole > 0 && found != places_.end() ? found->second / whole : 0;
  }

 private:
  std::uint64_t moment(const TimelineEntry& entry) const {
    return is_wall_ ? *entry.wall_us : *entry.monotonic_us;
  }

  bool is_wall_ = false;
  bool is_known_ = false;
  std::vector<std::pair<std::uint64_t, double>> places_;
};

std::string moment_text(const TimelineEntry& entry) {
  if (entry.wall_us) return clock_text_us(*entry.wall_us);
  if (entry.monotonic_us) return fmt::format("{:.6f} s", static_cast<double>(*entry.monotonic_us) / 1e6);
  return "";
}

using Texts = std::set<std::string>;

void draw_lane(Html& html, const Lane& lane, std::size_t number, double y, const Clock& clock,
               const Texts& shown) {
  const auto x_of = [&](const TimelineEntry& entry) {
    return kLaneLabel + clock.place_of(entry) * (kWidth - kLaneLabel - 20) + 10;
  };
  {
    const Element label(html, "text", {{"x", "0"}, {"y", px(y + 4)}});
    html.text(fmt::format("boot {}, {}", number + 1,
                          clock.is_wall() ? moment_text(*lane.entries.front()).substr(0, 19)
                                          : "to " + moment_text(*lane.entries.back())));
  }
  const Element group(html, "g", {{"class", colour(number)}});
  html.empty("rect", {{"class", "paint"},
                      {"x", px(x_of(*lane.entries.front()) - 4)},
                      {"y", px(y - 2)},
                      {"width", px(x_of(*lane.entries.back()) - x_of(*lane.entries.front()) + 8)},
                      {"height", "4"},
                      {"rx", "2"}});
  for (const TimelineEntry* entry : lane.entries) {
    const bool is_shown = shown.contains(entry->text);
    const Element dot(html, "circle",
                      {{"class", is_shown ? "ring" : "paint"},
                       {"cx", px(x_of(*entry))},
                       {"cy", px(y)},
                       {"r", is_shown ? "6" : "4"}});
    html.element("title", moment_text(*entry) + "  " + entry->text);
  }
}

void draw_lanes(Html& html, const std::vector<Lane>& lanes, const Clock& clock, const Texts& shown) {
  if (!clock.is_known()) return;
  const std::size_t first = lanes.size() > kMostLanes ? lanes.size() - kMostLanes : 0;
  const double height = kLaneHeight * static_cast<double>(lanes.size() - first) + 8;
  {
    const Element scroll(html, "div", {{"class", "scroll"}});
    const Element svg(html, "svg",
                      {{"viewBox", fmt::format("0 0 {} {}", px(kWidth), px(height))},
                       {"role", "img"},
                       {"aria-label", "the boots on one clock"}});
    for (std::size_t i = first; i < lanes.size(); ++i) {
      const double y = kLaneHeight * (static_cast<double>(i - first) + 0.5) + 4;
      html.empty(
          "line",
          {{"class", "axis"}, {"x1", px(kLaneLabel)}, {"x2", px(kWidth)}, {"y1", px(y)}, {"y2", px(y)}});
      draw_lane(html, lanes[i], i, y, clock, shown);
    }
  }
  html.element("p",
               clock.is_wall()
                   ? "Time runs from left to right; long silences are drawn short. A red ring is a line that "
                     "shows the verdict."
                   : "Seconds since the start of each boot. A red ring is a line that shows the verdict.",
               {{"class", "small soft"}});
}

// Boots are counted through here; a file may have counted its own.
std::string name_of_boot(const std::string& boot) {
  const std::size_t of = boot.find(" of ");
  return boot.starts_with("boot ") && of != std::string::npos ? boot.substr(of + 4) : boot;
}

void add_boot_row(Html& html, const Lane& lane, std::size_t number) {
  const Element row(html, "tr", {{"class", "boot"}});
  const Element cell(html, "th", {{"colspan", "2"}, {"class", colour(number)}});
  html.element("b", fmt::format("boot {}", number + 1));
  html.element("span", "  " + name_of_boot(lane.boot), {{"class", "small soft"}});
}

void add_entry_row(Html& html, const TimelineEntry& entry, std::size_t number, const Texts& shown) {
  const Element row(html, "tr", {{"class", shown.contains(entry.text) ? "entry shown" : "entry"}});
  {
    const Element cell(html, "td", {{"class", "time " + colour(number)}});
    html.element("span", moment_text(entry));
  }
  html.element("td", entry.text, {{"class", "line"}});
}

void add_timeline(Html& html, const PostMortem& report) {
  if (report.timeline.empty()) return;
  const Element section(html, "section", {{"id", "timeline"}});
  html.element("h2", "Timeline");
  Texts shown;
  for (const diagnose::Evidence& evidence : report.verdict.evidence) shown.insert(evidence.text);
  const std::vector<Lane> lanes = lanes_of(report.timeline);
  draw_lanes(html, lanes, Clock(report.timeline), shown);
  {
    std::size_t rows = 0;
    const Element table(html, "table");
    for (std::size_t i = 0; i < lanes.size() && rows < kMostRows; ++i) {
      add_boot_row(html, lanes[i], i);
      for (const TimelineEntry* entry : lanes[i].entries) {
        if (++rows <= kMostRows) add_entry_row(html, *entry, i, shown);
      }
    }
  }
  left_out(html, report.timeline.size(), kMostRows);
}

std::string class_of_label(const std::string& label, const ImageMap& map) {
  if (label == diagnose::kUnlabelled) return "none";
  for (std::size_t i = 0; i < map.totals.size(); ++i) {
    if (map.totals[i].label == label) return colour(i);
  }
  return "none";
}

std::string shown_label(const std::string& label) {
  return label == diagnose::kUnlabelled ? "nothing of the image" : label;
}

std::vector<std::uint64_t> damage_offsets(const diagnose::Disk& disk) {
  std::vector<std::uint64_t> offsets;
  for (const Damage& damage : disk.damage) {
    if (damage.error.offset && *damage.error.offset < disk.map.file_bytes && offsets.size() < kMostMarks)
      offsets.push_back(*damage.error.offset);
  }
  return offsets;
}

void draw_map(Html& html, const diagnose::Disk& disk) {
  const ImageMap& map = disk.map;
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
    html.element("title", fmt::format("{}, {} from {} on", shown_label(range.label), human_bytes(range.size),
                                      hex(range.offset)));
  }
  html.empty("rect", {{"class", "frame"}, {"x", "0.5"}, {"y", "14"}, {"width", "999"}, {"height", "52"}});
  for (const std::uint64_t offset : damage_offsets(disk)) {
    const std::string x = px(x_of(offset));
    html.empty("line", {{"class", "damage"}, {"x1", x}, {"x2", x}, {"y1", "10"}, {"y2", "70"}});
    html.empty("path", {{"class", "wedge"}, {"d", fmt::format("M{} 12 l-5 -9 h10 z", x)}});
  }
  html.element("text", "0", {{"x", "0"}, {"y", "84"}});
  html.element("text", human_bytes(map.file_bytes), {{"x", "1000"}, {"y", "84"}, {"text-anchor", "end"}});
}

void add_legend(Html& html, const ImageMap& map) {
  const Element table(html, "table");
  {
    const Element row(html, "tr");
    html.element("th", "what");
    html.element("th", "ranges", {{"class", "number"}});
    html.element("th", "size", {{"class", "number"}});
  }
  for (const diagnose::LabelTotal& total : map.totals) {
    const Element row(html, "tr");
    {
      const Element cell(html, "td");
      html.element("span", "", {{"class", "swatch " + class_of_label(total.label, map)}});
      html.text(shown_label(total.label));
    }
    html.element("td", grouped(total.ranges), {{"class", "number"}});
    html.element("td", human_bytes(total.bytes), {{"class", "number"}});
  }
}

void add_damage(Html& html, const std::vector<Damage>& damage) {
  if (damage.empty()) return;
  html.element("h3", counted(damage.size(), "damaged place"));
  {
    const Element list(html, "ul");
    for (std::size_t i = 0; i < std::min(damage.size(), kMostDamage); ++i)
      html.element("li", damage[i].error.text());
  }
  left_out(html, damage.size(), kMostDamage);
}

void add_disk(Html& html, const diagnose::Disk& disk) {
  if (disk.map.cells.empty() && disk.damage.empty()) return;
  const Element section(html, "section", {{"class", "image"}});
  html.element("h2", "Image");
  html.element("p", fmt::format("{}: {}, {}", disk.path,
                                disk.info.variant.empty() ? disk.info.format : disk.info.variant,
                                name_of(disk.info.state)));
  if (!disk.map.cells.empty()) {
    draw_map(html, disk);
    add_legend(html, disk.map);
  }
  add_damage(html, disk.damage);
}

void add_region(Html& html, const MemoryMapEntry& entry) {
  html.element("td", entry.size == 0 ? "" : fmt::format("{} + {}", hex(entry.start), human_bytes(entry.size)),
               {{"class", "line"}});
}

const char* word_for(RegionChange::Kind kind) {
  switch (kind) {
    case RegionChange::Kind::Moved: return "moved";
    case RegionChange::Kind::Resized: return "resized";
    case RegionChange::Kind::Added: return "new";
    case RegionChange::Kind::Gone: return "gone";
  }
  return "";
}

void add_heads(Html& html, std::initializer_list<const char*> heads) {
  const Element row(html, "tr");
  for (const char* head : heads) html.element("th", head);
}

void add_map_changes(Html& html, const std::vector<RegionChange>& changes) {
  if (changes.empty()) return;
  const Element section(html, "section", {{"id", "memory-map"}});
  html.element("h2", "The firmware's memory map, then and now");
  {
    const Element table(html, "table");
    add_heads(html, {"region", "change", "then", "now"});
    for (std::size_t i = 0; i < std::min(changes.size(), kMostRows); ++i) {
      const Element row(html, "tr");
      html.element("td", changes[i].before.name.empty() ? changes[i].now.name : changes[i].before.name);
      html.element("td", word_for(changes[i].kind));
      add_region(html, changes[i].before);
      add_region(html, changes[i].now);
    }
  }
  left_out(html, changes.size(), kMostRows);
}

void add_device(Html& html, const DeviceRow& device) {
  const Element row(html, "tr");
  html.element("td", device.kind, {{"class", "short"}});
  html.element("td", device.name);
  html.element("td", device.model);
  html.element("td", device.driver, {{"class", "short"}});
  html.element("td", device.state);
}

void add_devices(Html& html, const char* title, const std::optional<device::DeviceSet>& devices) {
  if (!devices || devices->devices.empty()) return;
  const Element section(html, "section", {{"class", "devices"}});
  html.element("h2", title);
  {
    const Element scroll(html, "div", {{"class", "scroll"}});
    const Element table(html, "table");
    add_heads(html, {"kind", "name", "model", "driver", "state"});
    const std::vector<DeviceRow> rows = rows_of(*devices);
    for (std::size_t i = 0; i < std::min(rows.size(), kMostRows); ++i) add_device(html, rows[i]);
  }
  left_out(html, devices->devices.size(), kMostRows);
}

}  // namespace

std::string html_of_post_mortem(const PostMortem& report) {
  Html html(fmt::format("hibtool diagnose: {}", name_of(report.verdict.code)), kPageStyle);
  html.open("main");
  add_session(html, report.session);
  add_causes(html, report);
  add_exonerated(html, report.exonerated);
  add_not_checked(html, report.not_checked);
  for (const diagnose::Disk& disk : report.disks) add_disk(html, disk);
  add_map_changes(html, report.map_changes);
  add_timeline(html, report);
  for (const diagnose::Disk& disk : report.disks)
    add_devices(html, "Devices of the machine in the image", disk.devices);
  add_devices(html, "Devices of the machine that was looked at", report.devices);
  add_footer(html, "diagnose", report.is_masked);
  return std::move(html).finish();
}

}  // namespace hib::report
