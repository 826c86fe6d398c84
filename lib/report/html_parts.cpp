#include "lib/report/html_parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/base/version.h"
#include "lib/report/advice.h"

namespace hib::report {

void left_out(Html& html, std::size_t all, std::size_t shown) {
  if (all > shown)
    html.element("p", fmt::format("… {} more; --json lists all", grouped(all - shown)), {{"class", "soft"}});
}

void add_advice(Html& html, const diagnose::Advice& advice) {
  std::string text = advice.text;
  if (!advice.file.empty()) text += (text.empty() ? "" : " ") + fmt::format("({})", advice.file);
  html.text(text);
  if (!advice.command.empty()) html.element("code", advice.command, {{"class", "command"}});
}

void add_evidence(Html& html, const std::vector<diagnose::Evidence>& evidence) {
  for (std::size_t i = 0; i < std::min(evidence.size(), kMostEvidence); ++i) {
    const Element quote(html, "blockquote");
    html.element("code", evidence_text(evidence[i]));
    html.element("div", place_of(evidence[i]), {{"class", "small soft"}});
  }
  left_out(html, evidence.size(), kMostEvidence);
}

void add_footer(Html& html, std::string_view verb, bool is_masked) {
  html.element("footer", fmt::format("Made by {} {} --report.{}", kToolVersion, verb,
                                     is_masked ? " " + std::string(kMaskedLine) + "." : ""));
}

}  // namespace hib::report
