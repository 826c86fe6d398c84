// The two bitmaps of a dump, looked at 64 pages at a time.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <vector>

#include "lib/base/bytes.h"
#include "lib/image/pages.h"

namespace hib::kdump {

// One bit per PFN; the bytes are a multiple of 8.
class Bitmap {
 public:
  Bitmap() = default;
  explicit Bitmap(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}

  bool test(Pfn pfn) const { return (word(pfn / 64 * 64) >> (pfn % 64) & 1U) != 0; }
  std::uint64_t word(Pfn pfn) const {  // the 64 bits from `pfn`, a multiple of 64, on
    le64 value;
    std::memcpy(&value, bytes_.data() + pfn / 8, sizeof(value));
    return value;
  }

 private:
  std::vector<std::byte> bytes_;
};

class PageMap {
 public:
  PageMap() = default;
  // Both bitmaps hold `end` bits, rounded up to 64.
  PageMap(Bitmap exists, Bitmap dumped, Pfn end)
      : exists_(std::move(exists)), dumped_(std::move(dumped)), end_(end) {
    count_pages();
  }

  bool is_dumped(Pfn pfn) const { return pfn < end_ && dumped_.test(pfn); }
  bool exists(Pfn pfn) const { return pfn < end_ && exists_.test(pfn); }
  std::uint64_t dumped_pages() const { return ranks_.empty() ? 0 : ranks_.back(); }
  std::uint64_t stray_pages() const { return stray_; }  // in the dump, but not in the machine

  // The first run at `pfn` or above that is not a hole: Data or Absent.
  std::optional<PageRun> next_run(Pfn pfn) const {
    while (pfn < end_) {
      const Pfn stop = state_end(pfn);
      if (dumped_.test(pfn)) return PageRun{pfn, stop - pfn, PageState::Data, 0};
      if (exists_.test(pfn)) return PageRun{pfn, stop - pfn, PageState::Absent, 0};
      pfn = stop;
    }
    return std::nullopt;
  }

  // Dumped pages below `pfn`: the number of that page's descriptor.
  std::uint64_t rank(Pfn pfn) const {
    std::uint64_t count = ranks_[pfn / kRankStep];
    for (Pfn at = pfn / kRankStep * kRankStep; at < pfn; at += 64) count += bits(dumped_, at, pfn);
    return count;
  }

 private:
  static constexpr std::uint64_t kRankStep = 4096;  // PFNs between two counts of the directory

  static std::uint64_t below(Pfn at, Pfn limit) {  // the bits of the word at `at` that lie below `limit`
    return limit - at >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (limit - at)) - 1;
  }
  static std::uint64_t bits(const Bitmap& map, Pfn at, Pfn limit) {
    return static_cast<std::uint64_t>(std::popcount(map.word(at) & below(at, limit)));
  }

  void count_pages() {
    std::uint64_t count = 0;
    for (Pfn pfn = 0; pfn < end_; pfn += 64) {
      if (pfn % kRankStep == 0) ranks_.push_back(count);
      count += bits(dumped_, pfn, end_);
      stray_ += static_cast<std::uint64_t>(
          std::popcount(dumped_.word(pfn) & ~exists_.word(pfn) & below(pfn, end_)));
    }
    ranks_.push_back(count);
  }

  // Where the state of the page at `pfn` ends: one pass over both bitmaps, so that no pattern of bits makes
  // it quadratic.
  Pfn state_end(Pfn pfn) const {
    const bool dumped = dumped_.test(pfn);
    const std::uint64_t same_dumped = dumped ? ~std::uint64_t{0} : 0;
    const std::uint64_t same_exists = exists_.test(pfn) ? ~std::uint64_t{0} : 0;
    std::uint64_t mask = ~std::uint64_t{0} << (pfn % 64);
    for (Pfn at = pfn / 64 * 64; at < end_; at += 64) {
      std::uint64_t changed = dumped_.word(at) ^ same_dumped;
      if (!dumped) changed |= exists_.word(at) ^ same_exists;
      changed &= mask;
      if (changed != 0) return std::min<Pfn>(end_, at + static_cast<Pfn>(std::countr_zero(changed)));
      mask = ~std::uint64_t{0};
    }
    return end_;
  }

  Bitmap exists_;
  Bitmap dumped_;
  Pfn end_ = 0;
  std::uint64_t stray_ = 0;
  std::vector<std::uint64_t> ranks_;  // dumped pages below each multiple of kRankStep, and all of them
};

}  // namespace hib::kdump
