#include "lib/report/html/parts.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/base/version.h"
#include "lib/report/advice.h"
#include "lib/report/text.h"

namespace hib::report {
namespace {

constexpr std::size_t kColours = 12;

void add_lost(Html& html, const Damage& damage) {
  for (const bool swapped : {false, true}) {
    const std::string lost = describe_lost(damage.lost_pfns, swapped);
    if (!lost.empty()) html.element("div", "lost: " + lost, {{"class", "small soft"}});
  }
  if (damage.anywhere)
    html.element("div", "lost: which of the pages was changed cannot be told", {{"class", "small soft"}});
}

}  // namespace

std::string px(double value) { return fmt::format("{:.2f}", value); }

std::string colour(std::size_t number) { return fmt::format("k{}", number % kColours); }

Section::Section(Html& html, std::string_view name, std::string_view title, const char* named_by)
    : element_(html, "section", {{named_by, std::string(name)}}) {
  html.element("h2", title);
}

void add_chip(Html& html, std::string_view tone, std::string_view text) {
  html.element("span", text, {{"class", fmt::format("chip {}", tone)}});
}

void left_out(Html& html, std::size_t all, std::size_t shown) {
  if (all > shown)
    html.element("p", fmt::format("… {} more; --json lists all", grouped(all - shown)), {{"class", "soft"}});
}

void add_heads(Html& html, std::initializer_list<const char*> heads) {
  const Element row(html, "tr");
  for (const std::string_view head : heads) {
    if (head.starts_with('#'))
      html.element("th", head.substr(1), {{"class", "number"}});
    else
      html.element("th", head);
  }
}

void add_number(Html& html, std::uint64_t number) {
  html.element("td", grouped(number), {{"class", "number"}});
}

void add_size(Html& html, std::uint64_t bytes) {
  html.element("td", human_bytes(bytes), {{"class", "number"}});
}

void add_facts(Html& html, const Facts& facts) {
  const Element table(html, "table", {{"class", "facts"}});
  for (std::size_t i = 0; i < std::min(facts.size(), kMostRows) && !html.is_full(); ++i) {
    const Element row(html, "tr");
    html.element("th", facts[i].first);
    html.element("td", facts[i].second);
  }
}

void add_swatch(Html& html, std::string_view colour, std::string_view name) {
  const Element cell(html, "td");
  html.element("span", "", {{"class", fmt::format("swatch {}", colour)}});
  html.text(name);
}

void add_damage(Html& html, const std::vector<Damage>& damage) {
  if (damage.empty()) return;
  html.element("h3", counted(damage.size(), "damaged place"));
  {
    const Element list(html, "ul");
    for (std::size_t i = 0; i < std::min(damage.size(), kMostDamage); ++i) {
      const Element item(html, "li");
      html.text(damage[i].error.text());
      add_lost(html, damage[i]);
    }
  }
  left_out(html, damage.size(), kMostDamage);
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
