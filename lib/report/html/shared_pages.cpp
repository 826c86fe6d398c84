#include "lib/report/html/shared_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/report/html/parts.h"
#include "lib/report/html/style.h"
#include "lib/report/shared_pages.h"

namespace hib::report {
namespace {

constexpr std::size_t kMostImages = 100;  // of the matrix

void add_images(Html& html, const SharedPagesReport& report) {
  const Section section(html, "images", "Images");
  {
    const Element table(html, "table");
    add_heads(html,
              {"#", "image", "format", "#pages of more than one byte", "#different ones", "compared by"});
    for (std::size_t i = 0; i < std::min(report.images.size(), kMostRows); ++i) {
      const SharedPagesImage& image = report.images[i];
      const Element row(html, "tr");
      add_number(html, i + 1);
      html.element("td", image.path);
      html.element("td", image.format, {{"class", "short"}});
      add_number(html, image.data_pages);
      add_number(html, image.contents);
      html.element("td", image.by_stored_hashes ? "stored page hashes" : "pages");
    }
  }
  left_out(html, report.images.size(), kMostRows);
}

void add_matrix_row(Html& html, const SharedPagesReport& report, std::size_t i, std::size_t size) {
  const Element row(html, "tr");
  html.element("th", grouped(i + 1), {{"class", "number"}});
  for (std::size_t j = 0; j < size; ++j)
    html.element("td", grouped(report.shared[i][j]),
                 {{"class", fmt::format("number h{}", i == j ? 0 : share_of(report, i, j) / 10)}});
}

void add_matrix(Html& html, const SharedPagesReport& report) {
  const Section section(html, "matrix", "Pages with the same content in both, wherever they lie");
  const std::size_t size = std::min(report.images.size(), kMostImages);
  {
    const Element scroll(html, "div", {{"class", "scroll"}});
    const Element table(html, "table");
    {
      const Element row(html, "tr");
      html.element("th", "");
      for (std::size_t j = 0; j < size; ++j) html.element("th", grouped(j + 1), {{"class", "number"}});
    }
    for (std::size_t i = 0; i < size; ++i) add_matrix_row(html, report, i, size);
  }
  left_out(html, report.images.size(), kMostImages);
  html.element("p", "The darker, the more of the smaller one.", {{"class", "small soft"}});
  if (report.sampled > 1)
    html.element("p", fmt::format("Extrapolated from one page of {}, chosen by its hash.", report.sampled));
}

void add_pairs(Html& html, const SharedPagesReport& report) {
  const auto pairs = best_pairs(report);
  if (pairs.empty()) return;
  const Section section(html, "pairs", "Most in common");
  const Element table(html, "table");
  add_heads(html, {"image", "and", "#pages", "#of the smaller one"});
  for (const SharedPair& pair : pairs) {
    const Element row(html, "tr");
    html.element("td", report.images[pair.a].path);
    html.element("td", report.images[pair.b].path);
    add_number(html, pair.shared);
    html.element("td", fmt::format("{} %", pair.share), {{"class", "number"}});
  }
}

void add_lost_of_images(Html& html, const std::vector<Damage>& damage) {
  if (damage.empty()) return;
  const Element section(html, "section", {{"id", "damage"}});
  add_damage(html, damage);
}

}  // namespace

std::string html_of_shared_pages(const SharedPagesReport& report) {
  Html html("hibtool diff", kPageStyle);
  html.open("main");
  {
    const Element header(html, "header", {{"class", report.damage.empty() ? "calm" : "bad"}});
    html.element("h1", fmt::format("What {} have in common", counted(report.images.size(), "image")));
  }
  add_pairs(html, report);
  add_matrix(html, report);
  add_images(html, report);
  add_lost_of_images(html, report.damage);
  add_footer(html, "diff");
  return std::move(html).finish();
}

}  // namespace hib::report
