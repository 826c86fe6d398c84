#include "lib/jump/hibernate.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/check/check.h"
#include "lib/jump/records.h"
#include "lib/jump/target.h"

namespace hib::jump {
namespace {

constexpr std::size_t kMaxNotedDevices = 8;
constexpr std::size_t kCrumbBytes = 96;

using Failures = std::vector<DeviceFailure>;

// "2 devices did not resume: 0000:00:04.0 0000:00:05.0", with as many names as a breadcrumb has room for.
std::string summary_of(const Failures& failures) {
  if (failures.empty()) return "";
  std::vector<std::string> paths;
  for (const DeviceFailure& failure : failures) {
    if (std::find(paths.begin(), paths.end(), failure.path) == paths.end()) paths.push_back(failure.path);
  }
  std::string text = counted(paths.size(), "device") + " did not resume:";
  for (const std::string& path : paths) {
    const std::string name = " " + printable(path.substr(path.rfind('/') + 1));
    if (text.size() + name.size() > kCrumbBytes) break;
    text += name;
  }
  return text;
}

// One breadcrumb for each device, after the one with the outcome.
Result<void> note_failures(const ClaimedTarget& target, const Failures& failures) {
  for (std::size_t i = 0; i < std::min(failures.size(), kMaxNotedDevices); ++i) {
    const DeviceFailure& failure = failures[i];
    const std::string text =
        fmt::format("{}{}: {} in {}", failure.name(), failure.driver_suffix(), failure.error, failure.phase);
    TRY_OK(target.note(Phase::DeviceFailed, printable(text)));
  }
  return {};
}

// Writes the last breadcrumbs of a cycle, and makes a swap device out of the target again where it was one.
// The machine goes on even when this fails.
Result<void> note_resumed(const AreaOperations& areas, const ArmedTarget& armed, const Failures& failures) {
  TRY(const auto target, find_claimed(areas, armed.id, armed.head, 0, armed.device));
  TRY_OK(target.note(Phase::Resumed, summary_of(failures)));
  TRY_OK(note_failures(target, failures));
  return target.give_back();
}

// The saver has already noted that the machine went on. Only the failed devices are missing.
Result<void> note_returned(const AreaOperations& areas, const ArmedTarget& armed, const Failures& failures) {
  if (failures.empty()) return {};
  TRY(const auto target, find_claimed(areas, armed.id, armed.head, 0, armed.device));
  return note_failures(target, failures);
}

// The saver notes its own errors, unless it does not find the image: then nobody should write to where it
// was.
Result<void> note_failed(const AreaOperations& areas, const ArmedTarget& armed, const Error& error) {
  TRY(const auto target, find_claimed(areas, armed.id, armed.head, 0, armed.device));
  TRY(const auto history, areas.read_history(*target.image));
  if (!history.empty() && history.back().is(Phase::Failed)) return {};
  return target.note(Phase::Failed, printable(error.line()));
}

// The machine's records at the moment of the jump. A rehearsal has no image to hold them, and no jump id.
Result<std::vector<std::byte>> records_now(const Device& device, const ArmedTarget& armed, Wish wish) {
  if (wish == Wish::Rehearse) return pack_records(records_of_this_machine());
  TRY(const auto info, device.info());
  TRY(const auto records, records_on_leaving(info, armed.id, armed.device));
  return pack_records(records);
}

// The target that arm claimed. Fails when it has moved.
Result<ArmedTarget> armed_target(const AreaOperations& areas) {
  const auto recalled = recall_armed();
  if (!recalled && recalled.error().kind != ErrorKind::NotFound) return fail(recalled.error());
  if (!recalled)
    return fail(make_error(ErrorKind::Usage, "target", "armed without one", "hibtool arm --target DEV"));
  TRY_OK(check_unmoved(areas, *recalled));
  return *recalled;
}

void note_outcome(const AreaOperations& areas, const ArmedTarget& armed, const Left& left, Wish wish,
                  const Note& note) {
  const bool is_restored = left.outcome == Outcome::Restored;
  if (!is_restored && (wish == Wish::Rehearse || (left.error && !left.saver_panicked))) return;
  const auto noted = is_restored  ? note_resumed(areas, armed, left.not_resumed)
                     : left.error ? note_failed(areas, armed, *left.error)
                                  : note_returned(areas, armed, left.not_resumed);
  if (!noted) note("the machine goes on, but the image does not know: " + noted.error().line());
}

// The module can say only that it is forbidden, not by what.
Error explained(const Device& device, const Error& error) {
  if (error.kind != ErrorKind::Refused) return error;
  const auto refusals = check_machine(device::Tree::live(), device.info()).refusals();
  const auto reason = std::find_if(refusals.begin(), refusals.end(), [](const Error& refusal) {
    return refusal.where == "hibernation" || refusal.where == "lockdown";
  });
  return reason == refusals.end() ? error : *reason;
}

}  // namespace

Result<Left> hibernate(const Formats& formats, Wish wish, const Note& note) {
  const AreaOperations& areas = *formats.with_areas().areas;
  TRY(const auto device, Device::open());
  ArmedTarget armed;
  if (wish != Wish::Rehearse) {
    TRY(armed, armed_target(areas));
  }
  const auto records = records_now(device, armed, wish);
  if (!records && records.error().kind == ErrorKind::Refused) return fail(records.error());
  // Otherwise missing records do not keep a machine from hibernating.
  if (!records)
    note("the image has the machine's records as they were when it was armed: " + records.error().line());
  Left left = leave(device, wish, records ? ByteView(*records) : ByteView());
  if (left.outcome != Outcome::NotLeft)
    note_outcome(areas, armed, left, wish, note);
  else if (left.error)
    left.error = explained(device, *left.error);
  return left;
}

}  // namespace hib::jump
