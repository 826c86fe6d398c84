#include "lib/report/advice.h"

#include "lib/base/text.h"
#include "lib/report/clock.h"

namespace hib::report {

std::string advice_line(const diagnose::Advice& advice) {
  std::string line = printable(advice.text);
  if (!advice.file.empty()) line += " (" + printable(advice.file) + ")";
  if (!advice.command.empty()) line += (line.empty() ? "" : ": ") + printable(advice.command);
  return line;
}

std::string place_of(const diagnose::Evidence& evidence) {
  const std::string inside = place_inside(evidence);
  if (inside.empty()) return printable(evidence.source);
  return printable(evidence.source) + (evidence.offset ? " " : ", ") + inside;
}

std::string place_inside(const diagnose::Evidence& evidence) {
  std::string place = evidence.offset ? "at " + hex(*evidence.offset) : "";
  if (evidence.wall_us) place += (place.empty() ? "" : ", ") + clock_text_us(*evidence.wall_us);
  return place;
}

std::string evidence_text(const diagnose::Evidence& evidence) {
  std::string text;
  for (const char c : evidence.text) {
    const bool goes_on = c == '\t' && !text.empty() && text.back() == ' ';
    if (!goes_on) text += c == '\t' ? ' ' : c;
  }
  return printable(text);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(printable(text)); }

Json json_of_advice(const diagnose::Advice& advice) {
  return {{"text", printable(advice.text)},
          {"command", text_or_null(advice.command)},
          {"file", text_or_null(advice.file)}};
}

Json json_of_evidence(const diagnose::Evidence& evidence) {
  return {{"source", printable(evidence.source)},
          {"offset", evidence.offset ? Json(hex(*evidence.offset)) : Json(nullptr)},
          {"cursor", text_or_null(evidence.cursor)},
          {"time", evidence.wall_us ? Json(clock_of_script(*evidence.wall_us)) : Json(nullptr)},
          {"text", evidence_text(evidence)}};
}

}  // namespace hib::report
