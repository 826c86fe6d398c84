#include "lib/jump/leave.h"

#include <algorithm>

#include "lib/jump/module/reason.h"

namespace hib::jump {
namespace {

using Failures = std::vector<DeviceFailure>;

Result<Failures> failures_of(const Device& device) {
  TRY(const auto bytes, device.devices());
  TRY(const auto suspend, decode_record(bytes, 0));
  return failures_in(suspend);
}

Failures only(Failures failures, bool of_resume) {
  std::erase_if(failures, [&](const DeviceFailure& failure) { return failure.is_resume() != of_resume; });
  return failures;
}

}  // namespace

Left leave(const Device& device, Wish wish, ByteView records) {
  Left left;
  const auto result = device.leave(wish, records);
  if (!result) {
    left.error = result.error();
    const auto failures =
        left.error->kind == ErrorKind::NotFound ? Result<Failures>(Failures{}) : failures_of(device);
    if (failures) left.not_suspended = only(*failures, false);
    return left;
  }
  left.outcome = result->outcome;
  left.suspended_ns = result->suspended_ns;
  const auto failures = failures_of(device);
  if (failures)
    left.not_resumed = only(*failures, true);
  else
    left.unknown = failures.error().line();
  if (left.outcome == Outcome::Failed) left.error = decode_reason(result->reason);
  return left;
}

}  // namespace hib::jump
