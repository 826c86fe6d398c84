#include "lib/report/diagnose.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/advice.h"
#include "lib/report/clock.h"

namespace hib::report {
namespace {

using diagnose::Advice;
using diagnose::Cause;
using diagnose::Evidence;
using diagnose::Exonerated;
using diagnose::PostMortem;
using diagnose::Session;
using diagnose::SessionState;
using diagnose::TimelineEntry;

constexpr std::size_t kShownEvidence = 8;
constexpr std::size_t kShownTimeline = 40;
constexpr std::size_t kShownTextBytes = 100;  // of a line in the timeline

// A line of two columns; the first is empty where the line goes on with what is above.
void line_of(std::ostream& out, std::string_view name, const std::string& text) {
  out << fmt::format("  {:<13}{}\n", name, text);
}

std::string session_mark(const Style& style, SessionState state) {
  switch (state) {
    case SessionState::Armed:
    case SessionState::ConsumedWhole: return style.green(std::string(name_of(state)));
    case SessionState::ConsumedPartly: return style.yellow(std::string(name_of(state)));
    case SessionState::Gone: return style.red(std::string(name_of(state)));
    case SessionState::None: return style.dim(std::string(name_of(state)));
  }
  return "";
}

void print_advice(std::ostream& out, const Style& style, std::string_view name, const Advice& advice) {
  if (advice.text.empty() && advice.command.empty()) return;
  line_of(out, name,
          printable(advice.text) + (advice.file.empty() ? "" : " (" + printable(advice.file) + ")"));
  if (!advice.command.empty()) line_of(out, "", "  " + style.bold(printable(advice.command)));
}

void print_session(std::ostream& out, const Style& style, const Session& session) {
  const bool is_known = !session.device.empty() && !session.text.starts_with("not known");
  out << (session.device.empty() ? "" : printable(session.device) + ": ") << "session "
      << (is_known ? session_mark(style, session.state) + ": " : "") << printable(session.text) << "\n";
  print_advice(out, style, "next", session.next);
}

void print_cause(std::ostream& out, const Style& style, std::string_view name, const Cause& cause) {
  line_of(out, name,
          fmt::format("{} ({}): {}", style.bold(std::string(name_of(cause.code))), name_of(cause.confidence),
                      printable(cause.text)));
  for (std::size_t i = 0; i < std::min(cause.evidence.size(), kShownEvidence); ++i) {
    const Evidence& one = cause.evidence[i];
    line_of(out, i == 0 ? "  shown by" : "", "\"" + evidence_text(one) + "\"");
    const bool is_of_same = i > 0 && cause.evidence[i - 1].source == one.source;  // which is not said again
    const std::string place = is_of_same ? place_inside(one) : place_of(one);
    if (!place.empty()) line_of(out, "", "  " + style.dim(place));
  }
  if (cause.evidence.size() > kShownEvidence)
    line_of(out, "", fmt::format("… {} more; --json lists all", cause.evidence.size() - kShownEvidence));
  for (std::size_t i = 0; i < cause.advice.size(); ++i)
    print_advice(out, style, i == 0 ? "  what to do" : "", cause.advice[i]);
}

std::string shortened(const std::string& text) {
  if (text.size() <= kShownTextBytes) return text;
  return std::string(characters_within(text, kShownTextBytes)) + "…";
}

std::string time_of(const TimelineEntry& entry) {
  if (entry.wall_us) return clock_text_us(*entry.wall_us);
  if (entry.monotonic_us) return fmt::format("[{:>12.6f}]", static_cast<double>(*entry.monotonic_us) / 1e6);
  return "";
}

void print_timeline(std::ostream& out, const Style& style, const std::vector<TimelineEntry>& timeline) {
  if (timeline.empty()) return;
  out << "timeline\n";
  const std::size_t first = timeline.size() > kShownTimeline ? timeline.size() - kShownTimeline : 0;
  if (first > 0) out << fmt::format("  … {} before; --json lists all\n", first);
  std::string boot;
  for (std::size_t i = first; i < timeline.size(); ++i) {
    if (timeline[i].boot != boot) {
      boot = timeline[i].boot;
      out << "  " << style.bold(printable(boot)) << "\n";
    }
    out << "    " << time_of(timeline[i]) << "  " << shortened(printable(timeline[i].text)) << "\n";
  }
}

Json json_of_cause(const Cause& cause) {
  return {{"code", name_of(cause.code)},
          {"text", printable(cause.text)},
          {"confidence", name_of(cause.confidence)}};
}

void add_evidence(const Cause& cause, Json& all) {
  for (const Evidence& evidence : cause.evidence) {
    Json document = {{"code", name_of(cause.code)}};
    document.update(json_of_evidence(evidence));
    all.push_back(std::move(document));
  }
}

Json json_of_session(const Session& session) {
  return {{"state", name_of(session.state)},
          {"device", text_or_null(session.device)},
          {"safe_to_rearm", session.safe_to_rearm ? Json(*session.safe_to_rearm) : Json(nullptr)},
          {"text", printable(session.text)},
          {"next", json_of_advice(session.next)}};
}

Json json_of_timeline(const std::vector<TimelineEntry>& timeline) {
  Json entries = Json::array();
  for (const TimelineEntry& entry : timeline) {
    entries.push_back({{"time", entry.wall_us ? Json(clock_of_script(*entry.wall_us)) : Json(nullptr)},
                       {"since_boot_us", entry.monotonic_us ? Json(*entry.monotonic_us) : Json(nullptr)},
                       {"boot", printable(entry.boot)},
                       {"text", printable(entry.text)}});
  }
  return entries;
}

}  // namespace

void print_post_mortem(std::ostream& out, const Style& style, const PostMortem& report) {
  print_session(out, style, report.session);
  print_cause(out, style, "verdict", report.verdict);
  for (const Cause& cause : report.others) print_cause(out, style, "also", cause);
  for (std::size_t i = 0; i < report.exonerated.size(); ++i) {
    const Exonerated& one = report.exonerated[i];
    line_of(out, i == 0 ? "not it" : "", fmt::format("{}: {}", name_of(one.code), printable(one.text)));
  }
  for (std::size_t i = 0; i < report.not_checked.size(); ++i)
    line_of(out, i == 0 ? "not checked" : "", printable(report.not_checked[i]));
  print_timeline(out, style, report.timeline);
  if (report.is_masked) out << kMaskedLine << "\n";
}

Json json_of_post_mortem(const PostMortem& report) {
  Json document = json_document("diagnose");
  document["session"] = json_of_session(report.session);
  document["verdict"] = json_of_cause(report.verdict);
  Json evidence = Json::array();
  Json advice = Json::array();
  Json others = Json::array();
  const auto add = [&](const Cause& cause) {
    add_evidence(cause, evidence);
    for (const Advice& one : cause.advice) {
      Json told = json_of_advice(one);
      if (std::find(advice.begin(), advice.end(), told) == advice.end()) advice.push_back(std::move(told));
    }
  };
  add(report.verdict);
  for (const Cause& cause : report.others) {
    others.push_back(json_of_cause(cause));
    add(cause);
  }
  document["other_verdicts"] = std::move(others);
  document["evidence"] = std::move(evidence);
  document["exonerated"] = Json::array();
  for (const Exonerated& one : report.exonerated)
    document["exonerated"].push_back({{"code", name_of(one.code)}, {"text", printable(one.text)}});
  document["advice"] = std::move(advice);
  document["not_checked"] = Json::array();
  for (const std::string& line : report.not_checked) document["not_checked"].push_back(printable(line));
  document["timeline"] = json_of_timeline(report.timeline);
  document["masked"] = report.is_masked;
  return document;
}

}  // namespace hib::report
