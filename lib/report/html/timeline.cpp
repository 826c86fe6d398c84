#include "lib/report/html/timeline.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "lib/report/clock.h"
#include "lib/report/html/parts.h"

namespace hib::report {
namespace {

constexpr std::size_t kMostLanes = 12;  // of the picture
constexpr double kLaneLabel = 190;
constexpr double kLaneHeight = 26;

// Where a moment lies between 0 and 1. On the wall clock long silences are drawn short: what matters are the
// seconds around the hibernation, and a night lies between them.
class Clock {
 public:
  explicit Clock(const std::vector<Lane>& lanes) {
    is_wall_ = all_have(lanes, &Moment::wall_us);
    is_known_ = !lanes.empty() && (is_wall_ || all_have(lanes, &Moment::monotonic_us));
    if (!is_known_) return;
    std::set<std::uint64_t> times;
    for (const Lane& lane : lanes) {
      for (const Moment& moment : lane.moments) times.insert(time_of(moment));
    }
    std::uint64_t before = *times.begin();
    double place = 0;
    for (const std::uint64_t now : times) {
      const double seconds = static_cast<double>(now - before) / 1e6;
      place += is_wall_ ? std::log2(1 + seconds) : seconds;
      places_.emplace_back(now, place);
      before = now;
    }
  }

  bool is_known() const { return is_known_; }
  bool is_wall() const { return is_wall_; }
  double place_of(const Moment& moment) const {
    const auto found = std::lower_bound(places_.begin(), places_.end(), std::make_pair(time_of(moment), 0.0));
    const double whole = places_.back().second;
    return whole > 0 && found != places_.end() ? found->second / whole : 0;
  }

 private:
  static bool all_have(const std::vector<Lane>& lanes, std::optional<std::uint64_t> Moment::*time) {
    return std::all_of(lanes.begin(), lanes.end(), [&](const Lane& lane) {
      return std::all_of(lane.moments.begin(), lane.moments.end(),
                         [&](const Moment& moment) { return (moment.*time).has_value(); });
    });
  }
  std::uint64_t time_of(const Moment& moment) const {
    return is_wall_ ? *moment.wall_us : *moment.monotonic_us;
  }

  bool is_wall_ = false;
  bool is_known_ = false;
  std::vector<std::pair<std::uint64_t, double>> places_;
};

std::string time_text(const Moment& moment) {
  if (moment.wall_us) return clock_text_us(*moment.wall_us);
  if (moment.monotonic_us) return fmt::format("{:.6f} s", static_cast<double>(*moment.monotonic_us) / 1e6);
  return "";
}

void draw_lane(Html& html, const Lane& lane, std::size_t number, double y, const Clock& clock) {
  const auto x_of = [&](const Moment& moment) {
    return kLaneLabel + clock.place_of(moment) * (kWidth - kLaneLabel - 20) + 10;
  };
  const Moment& first = lane.moments.front();
  const Moment& last = lane.moments.back();
  html.element("text",
               fmt::format("{}, {}", lane.name,
                           clock.is_wall() ? time_text(first).substr(0, 19) : "to " + time_text(last)),
               {{"x", "0"}, {"y", px(y + 4)}});
  const Element group(html, "g", {{"class", colour(number)}});
  html.empty("rect", {{"class", "paint"},
                      {"x", px(x_of(first) - 4)},
                      {"y", px(y - 2)},
                      {"width", px(std::max(0.0, x_of(last) - x_of(first)) + 8)},
                      {"height", "4"},
                      {"rx", "2"}});
  for (const Moment& moment : lane.moments) {
    const Element dot(html, "circle",
                      {{"class", moment.is_marked ? "ring" : "paint"},
                       {"cx", px(x_of(moment))},
                       {"cy", px(y)},
                       {"r", moment.is_marked ? "6" : "4"}});
    html.element("title", time_text(moment) + "  " + moment.text);
  }
}

bool has_mark(const std::vector<Lane>& lanes) {
  return std::any_of(lanes.begin(), lanes.end(), [](const Lane& lane) {
    return std::any_of(lane.moments.begin(), lane.moments.end(),
                       [](const Moment& moment) { return moment.is_marked; });
  });
}

void draw_lanes(Html& html, const std::vector<Lane>& lanes, std::string_view mark) {
  const Clock clock(lanes);
  if (!clock.is_known()) return;
  const std::size_t first = lanes.size() > kMostLanes ? lanes.size() - kMostLanes : 0;
  const double height = kLaneHeight * static_cast<double>(lanes.size() - first) + 8;
  {
    const Element scroll(html, "div", {{"class", "scroll"}});
    const Element svg(html, "svg",
                      {{"viewBox", fmt::format("0 0 {} {}", px(kWidth), px(height))},
                       {"role", "img"},
                       {"aria-label", "what happened, on one clock"}});
    for (std::size_t i = first; i < lanes.size(); ++i) {
      const double y = kLaneHeight * (static_cast<double>(i - first) + 0.5) + 4;
      html.empty(
          "line",
          {{"class", "axis"}, {"x1", px(kLaneLabel)}, {"x2", px(kWidth)}, {"y1", px(y)}, {"y2", px(y)}});
      draw_lane(html, lanes[i], i, y, clock);
    }
  }
  html.element("p",
               fmt::format("{}{}{}",
                           clock.is_wall() ? "Time runs from left to right; long silences are drawn short."
                                           : "Seconds since the start of each boot.",
                           has_mark(lanes) ? " " : "", has_mark(lanes) ? mark : ""),
               {{"class", "small soft"}});
}

void add_lane_row(Html& html, const Lane& lane, std::size_t number) {
  const Element row(html, "tr", {{"class", "boot"}});
  const Element cell(html, "th", {{"colspan", "2"}, {"class", colour(number)}});
  html.element("b", lane.name);
  if (!lane.detail.empty()) html.element("span", "  " + lane.detail, {{"class", "small soft"}});
}

void add_moment_row(Html& html, const Moment& moment, std::size_t number) {
  const Element row(html, "tr", {{"class", moment.is_marked ? "entry shown" : "entry"}});
  {
    const Element cell(html, "td", {{"class", "time " + colour(number)}});
    html.element("span", time_text(moment));
  }
  html.element("td", moment.text, {{"class", "line"}});
}

}  // namespace

void add_timeline(Html& html, const std::vector<Lane>& lanes, std::string_view mark) {
  draw_lanes(html, lanes, mark);
  std::size_t rows = 0;
  {
    const Element table(html, "table");
    for (std::size_t i = 0; i < lanes.size(); ++i) {
      if (rows < kMostRows) add_lane_row(html, lanes[i], i);
      for (const Moment& moment : lanes[i].moments) {
        if (++rows <= kMostRows) add_moment_row(html, moment, i);
      }
    }
  }
  left_out(html, rows, kMostRows);
}

}  // namespace hib::report
