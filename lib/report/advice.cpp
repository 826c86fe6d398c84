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
  std::string place = printable(evidence.source);
  if (evidence.offset) place += " at " + hex(*evidence.offset);
  if (evidence.wall_us) place += ", " + clock_text_us(*evidence.wall_us);
  return place;
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
          {"text", printable(evidence.text)}};
}

}  // namespace hib::report
