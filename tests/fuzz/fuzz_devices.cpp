// Device records of anybody: decoded, compared with themselves, judged and shown.

#include <cstdlib>
#include <sstream>
#include <string>

#include "lib/device/device_record.h"
#include "lib/device/match/match.h"
#include "lib/device/policy/policy.h"
#include "lib/report/devices.h"

namespace {

// What people see holds no control character, whatever the record holds. Broken UTF-8 would be one too.
void expect_harmless(const std::string& text) {
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto record = hib::decode_record(hib::ByteView(reinterpret_cast<const std::byte*>(data), size), 0);
  if (!record) return 0;
  const auto set = hib::device::from_record(*record);
  if (!set) return 0;
  const auto comparison = hib::device::match(*set, *set);
  if (comparison.matches.size() != set->devices.size()) std::abort();
  static_cast<void>(hib::device::critical_uses(*set));
  const auto refusals = hib::device::check(*set, *set, comparison, 1, {});
  for (const auto& refusal : refusals) expect_harmless(refusal.override_token);
  std::ostringstream out;
  const hib::report::Style style(false);
  hib::report::print_devices(out, style, *set, false);
  hib::report::print_comparison(out, style, *set, *set, comparison);
  for (const auto& device : set->devices) {
    hib::report::print_device(out, style, device);
    hib::report::print_config(out, device);
  }
  expect_harmless(out.str());
  static_cast<void>(hib::report::json_of_devices(*set).dump());
  static_cast<void>(hib::report::json_of_comparison(*set, *set, comparison).dump());
  return 0;
}
