#include "lib/report/html/post_mortem.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html/device_tree.h"
#include "lib/report/html/file_map.h"
#include "lib/report/html/history.h"
#include "lib/report/html/parts.h"
#include "lib/report/html/style.h"
#include "lib/report/html/timeline.h"
#include "lib/report/html/writer.h"

namespace hib::report {
namespace {

using diagnose::PostMortem;
using diagnose::RegionChange;
using diagnose::SessionState;
using diagnose::TimelineEntry;

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
      add_chip(html, tone_of(session.state), fmt::format("session {}", name_of(session.state)));
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
    add_chip(html, tone, name_of(cause.code));
    add_chip(html, tone_of(cause.confidence), name_of(cause.confidence));
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
    const Section section(html, "verdict", "Verdict");
    add_cause(html, report.verdict, report.is_failure() ? "bad" : "good");
  }
  if (report.others.empty()) return;
  const Section section(html, "others", "Other verdicts");
  for (const diagnose::Cause& cause : report.others) add_cause(html, cause, "sure");
}

void add_exonerated(Html& html, const std::vector<diagnose::Exonerated>& all) {
  if (all.empty()) return;
  const Section section(html, "not-it", "Not it");
  const Element list(html, "ul");
  for (const diagnose::Exonerated& one : all) {
    const Element item(html, "li");
    html.element("b", name_of(one.code));
    html.text(": " + one.text);
  }
}

void add_not_checked(Html& html, const std::vector<std::string>& all) {
  if (all.empty()) return;
  const Section section(html, "not-checked", "Not checked");
  {
    const Element list(html, "ul");
    for (std::size_t i = 0; i < std::min(all.size(), kMostRows); ++i) html.element("li", all[i]);
  }
  left_out(html, all.size(), kMostRows);
}

// Boots are counted through here; a file may have counted its own.
std::string name_of_boot(const std::string& boot) {
  const std::size_t of = boot.find(" of ");
  return boot.starts_with("boot ") && of != std::string::npos ? boot.substr(of + 4) : boot;
}

// A lane for each boot, in the order in which they are met.
std::vector<Lane> lanes_of(const PostMortem& report) {
  std::set<std::string> shown;
  for (const diagnose::Evidence& evidence : report.verdict.evidence) shown.insert(evidence.text);
  std::vector<Lane> lanes;
  for (const TimelineEntry& entry : report.timeline) {
    const std::string boot = name_of_boot(entry.boot);
    auto lane =
        std::find_if(lanes.rbegin(), lanes.rend(), [&](const Lane& one) { return one.detail == boot; });
    if (lane == lanes.rend()) {
      lanes.push_back({fmt::format("boot {}", lanes.size() + 1), boot, {}});
      lane = lanes.rbegin();
    }
    lane->moments.push_back({entry.wall_us, entry.monotonic_us, entry.text, shown.contains(entry.text)});
  }
  return lanes;
}

void add_boots(Html& html, const PostMortem& report) {
  if (report.timeline.empty()) return;
  const Section section(html, "timeline", "Timeline");
  add_timeline(html, lanes_of(report), "A red ring is a line that shows the verdict.");
}

void add_disk(Html& html, const diagnose::Disk& disk) {
  if (disk.map.cells.empty() && disk.damage.empty()) return;
  const Section section(html, "image", "Image", "class");
  html.element("p", fmt::format("{}: {}, {}", disk.path,
                                disk.info.variant.empty() ? disk.info.format : disk.info.variant,
                                name_of(disk.info.state)));
  add_file_map(html, disk.map, disk.damage);
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

void add_map_changes(Html& html, const std::vector<RegionChange>& changes) {
  if (changes.empty()) return;
  const Section section(html, "memory-map", "The firmware's memory map, then and now");
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

void add_devices(Html& html, const char* title, const std::optional<device::DeviceSet>& devices) {
  if (!devices || devices->devices.empty()) return;
  const Section section(html, "devices", title, "class");
  add_device_tree(html, *devices);
}

}  // namespace

std::string html_of_post_mortem(const PostMortem& report) {
  Html html(fmt::format("hibtool diagnose: {}", name_of(report.verdict.code)), kPageStyle);
  html.open("main");
  add_session(html, report.session);
  add_causes(html, report);
  add_exonerated(html, report.exonerated);
  add_not_checked(html, report.not_checked);
  for (const diagnose::Disk& disk : report.disks) {
    add_disk(html, disk);
    add_history(html, disk.history);
  }
  add_map_changes(html, report.map_changes);
  add_boots(html, report);
  for (const diagnose::Disk& disk : report.disks)
    add_devices(html, "Devices of the machine in the image", disk.devices);
  add_devices(html, "Devices of the machine that was looked at", report.devices);
  add_footer(html, "diagnose", report.is_masked);
  return std::move(html).finish();
}

}  // namespace hib::report
