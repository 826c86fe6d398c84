// What several images have in common, as a matrix for people and as the document hibtool.diff-matrix.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <vector>

#include "lib/ops/shared_pages.h"
#include "lib/report/json.h"
#include "lib/report/style.h"

namespace hib::report {

struct SharedPair {
  std::size_t a = 0;
  std::size_t b = 0;
  std::uint64_t shared = 0;
  unsigned share = 0;  // of the smaller one, in percent
};
std::vector<SharedPair> best_pairs(const SharedPagesReport& report);  // those that have most in common
unsigned share_of(const SharedPagesReport& report, std::size_t a, std::size_t b);

void print_shared_pages(std::ostream& out, const Style& style, const SharedPagesReport& report);
Json json_of_shared_pages(const SharedPagesReport& report);

}  // namespace hib::report
