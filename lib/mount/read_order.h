// Notices that a file is read in order, and says how far ahead it is worth decoding.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>

namespace hib::mount {

class ReadOrder {
 public:
  // Told each unit that is read. How many of the units behind it will soon be wanted: none before the second
  // step in order, then more with each step. A step over units that are decoded already counts too: the
  // system keeps pages, and does not ask for them again.
  std::size_t next(std::size_t unit) {
    const std::size_t reach = ahead_ + 1;
    if (last_ && unit == *last_) return ahead_;
    const bool is_step = last_ && unit > *last_ && unit - *last_ <= reach;
    ahead_ = is_step ? std::min(ahead_ + 1, kMostAhead) : 0;
    last_ = unit;
    return ahead_;
  }

 private:
  static constexpr std::size_t kMostAhead = 4;
  std::optional<std::size_t> last_;
  std::size_t ahead_ = 0;
};

}  // namespace hib::mount
