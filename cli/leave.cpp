#include "cli/leave.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include <fmt/format.h>

#include "lib/base/text.h"

namespace hib::cli {
namespace {

using Failures = std::vector<jump::DeviceFailure>;

Result<Failures> failures_of(const jump::Device& device) {
  TRY(const auto bytes, device.devices());
  TRY(const auto suspend, decode_record(bytes, 0));
  return jump::failures_in(suspend);
}

// A device that fails in several phases is told once for each.
Failures tell_failures(const Context& context, const jump::Device& device, bool of_resume) {
  auto failures = failures_of(device);
  if (!failures) {
    if (of_resume) context.note("it is not known how the devices came back: " + failures.error().line());
    return {};
  }
  std::erase_if(*failures,
                [&](const jump::DeviceFailure& failure) { return failure.is_resume() != of_resume; });
  for (const jump::DeviceFailure& failure : *failures) {
    const std::string text = fmt::format("{}{} did not {}: {} in {}", failure.name(), driver_of(failure),
                                         of_resume ? "resume" : "suspend", failure.error, failure.phase);
    context.streams.err << "hibtool: " << printable(text) << "\n";
  }
  return std::move(*failures);
}

}  // namespace

Result<Left> leave(const Context& context, const jump::Device& device, jump::Wish wish, ByteView records) {
  const auto result = device.leave(wish, records);
  if (!result) {
    if (result.error().kind != ErrorKind::NotFound) tell_failures(context, device, false);
    return fail(result.error());
  }
  Left left{result->outcome, result->suspended_ns, tell_failures(context, device, true)};
  if (result->outcome == jump::Outcome::Failed)
    return fail(make_error(ErrorKind::Io, "image-saving kernel", result->reason));
  return left;
}

std::string driver_of(const jump::DeviceFailure& failure) {
  return failure.driver.empty() ? "" : fmt::format(" ({})", failure.driver);
}

Json json_of(const std::vector<jump::DeviceFailure>& failures) {
  Json devices = Json::array();
  for (const jump::DeviceFailure& failure : failures) {
    Json device = Json::object();
    device["path"] = printable(failure.path);
    device["driver"] = failure.driver.empty() ? Json(nullptr) : Json(printable(failure.driver));
    device["phase"] = printable(failure.phase);
    device["error"] = std::strtoll(failure.error.c_str(), nullptr, 10);
    devices.push_back(std::move(device));
  }
  return devices;
}

}  // namespace hib::cli
