#include "lib/memory/wall_clock.h"

#include <fmt/format.h>

namespace hib::memory {
namespace {

constexpr std::string_view kTimekeeper = "timekeeper";
constexpr std::uint64_t kFirstSecond = 946684800;  // 2000
constexpr std::uint64_t kLastSecond = 4102444800;  // 2100
constexpr std::uint64_t kMicroseconds = 1000000;

// Up to Linux 6.12 tk_core is a structure without a name: a sequence counter and, from the next multiple of 8
// on, the timekeeper. From 6.13 on it is a struct tk_data, and from 7.0 on an array of them, timekeeper_data.
Result<Address> place_of_timekeeper(const Kernel& kernel) {
  auto core = kernel.symbols.address_of("tk_core");
  if (!core) core = kernel.symbols.address_of("timekeeper_data");
  if (!core) return core;
  TRY(const bool has_data, has_member(kernel.types, "tk_data", kTimekeeper));
  if (has_data) return kernel.field(*core, "tk_data", kTimekeeper);
  return *core + 8;
}

}  // namespace

Result<std::uint64_t> wall_clock_us(const Kernel& kernel) {
  TRY(const Address timekeeper, place_of_timekeeper(kernel));
  TRY(const std::uint64_t seconds, kernel.number(timekeeper, kTimekeeper, "xtime_sec"));
  if (seconds < kFirstSecond || seconds > kLastSecond) {
    return fail(make_error(ErrorKind::Corrupt, "timekeeper: xtime_sec", std::to_string(seconds),
                           fmt::format("{} to {}", kFirstSecond, kLastSecond)));
  }
  return seconds * kMicroseconds;
}

}  // namespace hib::memory
