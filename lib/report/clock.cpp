#include "lib/report/clock.h"

#include <algorithm>
#include <limits>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace hib::report {
namespace {

// The calendar of a hostile clock ends here: year 9999.
constexpr std::uint64_t kLastSecond = 253402300799;

std::tm calendar(std::uint64_t seconds) {
  return fmt::gmtime(static_cast<std::time_t>(seconds < kLastSecond ? seconds : kLastSecond));
}

}  // namespace

std::string clock_text(std::uint64_t time_ns) {
  constexpr std::uint64_t kSecond = 1000000000;
  if (time_ns == 0) return "at an unknown time";
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03} UTC", calendar(time_ns / kSecond),
                     time_ns % kSecond / 1000000);
}

std::string clock_text_us(std::uint64_t us) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max() / 1000;
  return clock_text(std::min(us, kMost) * 1000);
}

std::string clock_of_script(std::uint64_t us) {
  constexpr std::uint64_t kSecond = 1000000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", calendar(us / kSecond), us % kSecond);
}

}  // namespace hib::report
