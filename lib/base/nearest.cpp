#include "lib/base/nearest.h"

#include <algorithm>
#include <numeric>

namespace hib {
namespace {

constexpr std::size_t kMaxWordBytes = 64;      // what is longer was not meant to be one of ours
constexpr std::size_t kMinBeginningBytes = 5;  // what is shorter begins too many words

// Insertions, deletions, replacements and swaps of neighbouring letters.
std::size_t distance(std::string_view a, std::string_view b) {
  using Row = std::vector<std::size_t>;
  Row before_last(b.size() + 1);
  Row last(b.size() + 1);
  Row row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before_last, last);
    std::swap(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), last[j] + 1, row[j - 1] + 1});
      const bool is_swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (is_swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

// Of words that are equally near the first.
template <typename CutTo>
std::string nearest_of(std::string_view word, const std::vector<std::string>& known, CutTo cut_to) {
  std::string best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    if (candidate.size() > kMaxWordBytes) continue;
    const std::size_t here = distance(word, cut_to(candidate));
    if (here < least) {
      least = here;
      best = candidate;
    }
  }
  return best;
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  if (word.size() > kMaxWordBytes) return "";
  const std::string best = nearest_of(word, known, [](std::string_view whole) { return whole; });
  if (!best.empty() || word.size() < kMinBeginningBytes) return best;
  return nearest_of(word, known, [&](std::string_view whole) { return whole.substr(0, word.size()); });
}

}  // namespace hib
