#include "lib/report/shared_pages.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::report {
namespace {

constexpr std::size_t kColumns = 80;  // where there is no terminal
constexpr std::size_t kFirstColumns = 6;
constexpr std::size_t kMostPairs = 10;

void print_matrix(std::ostream& out, const Style& style, const SharedPagesReport& report) {
  std::size_t column = 12;
  for (const auto& row : report.shared) {
    for (const std::uint64_t count : row) column = std::max(column, grouped(count).size() + 2);
  }
  const std::size_t columns = style.is_terminal() ? style.columns() : kColumns;
  if (kFirstColumns + report.images.size() * column > columns) {
    out << fmt::format("  a matrix of {} columns: --json has it\n", report.images.size());
    return;
  }
  out << fmt::format("{:>{}}", "", kFirstColumns);
  for (std::size_t j = 0; j < report.images.size(); ++j) out << fmt::format("{:>{}}", j + 1, column);
  out << "\n";
  for (std::size_t i = 0; i < report.images.size(); ++i) {
    out << fmt::format("{:>{}}", i + 1, kFirstColumns);
    for (const std::uint64_t count : report.shared[i]) out << fmt::format("{:>{}}", grouped(count), column);
    out << "\n";
  }
}

void print_pairs(std::ostream& out, const SharedPagesReport& report) {
  const auto pairs = best_pairs(report);
  if (pairs.empty()) {
    out << "no two of them have a page in common\n";
    return;
  }
  out << "most in common:\n";
  for (const SharedPair& pair : pairs) {
    out << fmt::format("  {} and {}: {}, {} % of the smaller one\n", pair.a + 1, pair.b + 1,
                       counted(pair.shared, "page"), pair.share);
  }
}

}  // namespace

unsigned share_of(const SharedPagesReport& report, std::size_t a, std::size_t b) {
  const std::uint64_t smaller = std::min(report.images[a].contents, report.images[b].contents);
  return static_cast<unsigned>(report.shared[a][b] * 100 / std::max<std::uint64_t>(1, smaller));
}

std::vector<SharedPair> best_pairs(const SharedPagesReport& report) {
  std::vector<SharedPair> pairs;
  for (std::size_t a = 0; a < report.images.size(); ++a) {
    for (std::size_t b = a + 1; b < report.images.size(); ++b) {
      if (report.shared[a][b] > 0) pairs.push_back({a, b, report.shared[a][b], share_of(report, a, b)});
    }
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const SharedPair& x, const SharedPair& y) { return x.shared > y.shared; });
  pairs.resize(std::min(pairs.size(), kMostPairs));
  return pairs;
}

void print_shared_pages(std::ostream& out, const Style& style, const SharedPagesReport& report) {
  for (std::size_t i = 0; i < report.images.size(); ++i) {
    const SharedPagesImage& image = report.images[i];
    out << fmt::format("  {:>4}  {} ({}): {} of more than one byte, {} different{}\n", i + 1,
                       printable(image.path), image.format, counted(image.data_pages, "page"),
                       grouped(image.contents), image.by_stored_hashes ? "" : ", all read");
  }
  out << style.bold("pages with the same content in both, wherever they lie:") << "\n";
  print_matrix(out, style, report);
  print_pairs(out, report);
  if (report.sampled > 1)
    out << fmt::format("  extrapolated from one page of {}, chosen by its hash\n", report.sampled);
  for (const Damage& damage : report.damage)
    out << fmt::format("  {}: {}\n", style.red("damage"), damage.error.line());
}

Json json_of_shared_pages(const SharedPagesReport& report) {
  Json document = json_document("diff-matrix");
  document["images"] = Json::array();
  for (const SharedPagesImage& image : report.images) {
    document["images"].push_back({{"path", printable(image.path)},
                                  {"format", image.format},
                                  {"data_pages", image.data_pages},
                                  {"contents", image.contents},
                                  {"compared_by", image.by_stored_hashes ? "stored page hashes" : "pages"}});
  }
  document["shared"] = report.shared;
  document["sampled"] = report.sampled;
  document["damage"] = json_of_damage(report.damage);
  return document;
}

}  // namespace hib::report
