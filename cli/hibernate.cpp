#include "cli/hibernate.h"

#include <algorithm>
#include <ostream>
#include <vector>

#include <fmt/format.h>

#include "cli/jump_records.h"
#include "cli/jump_target.h"
#include "cli/leave.h"
#include "cli/render_json.h"
#include "lib/base/text.h"
#include "lib/jump/device.h"

namespace hib::cli {
namespace {

std::string describe(jump::Wish wish, jump::Outcome outcome) {
  if (outcome == jump::Outcome::Restored) return "resumed from the image";
  return wish == jump::Wish::Rehearse ? "the image-saving kernel ran and came back"
                                      : "the image is saved, and the machine goes on";
}

constexpr std::size_t kMaxNotedDevices = 8;
constexpr std::size_t kCrumbBytes = 96;

using Failures = std::vector<jump::DeviceFailure>;

// "2 devices did not resume: 0000:00:04.0 0000:00:05.0", with as many names as a breadcrumb has room for.
std::string summary_of(const Failures& failures) {
  if (failures.empty()) return "";
  std::vector<std::string> paths;
  for (const jump::DeviceFailure& failure : failures) {
    if (std::find(paths.begin(), paths.end(), failure.path) == paths.end()) paths.push_back(failure.path);
  }
  std::string text = fmt::format("{} device{} did not resume:", paths.size(), paths.size() == 1 ? "" : "s");
  for (const std::string& path : paths) {
    const std::string name = " " + printable(path.substr(path.rfind('/') + 1));
    if (text.size() + name.size() > kCrumbBytes) break;
    text += name;
  }
  return text;
}

// One entry a device, behind the one that says what the cycle came to.
Result<void> note_failures(const ClaimedTarget& target, const Failures& failures) {
  for (std::size_t i = 0; i < std::min(failures.size(), kMaxNotedDevices); ++i) {
    const jump::DeviceFailure& failure = failures[i];
    TRY_OK(target.note(container::Phase::DeviceFailed,
                       printable(fmt::format("{}{}: {} in {}", failure.name(), driver_of(failure),
                                             failure.error, failure.phase))));
  }
  return {};
}

// The last breadcrumbs of a cycle; a swap device becomes one again. That the machine goes on does not depend
// on it.
Result<void> note_resumed(const ArmedTarget& armed, const Failures& failures) {
  TRY(const auto target, find_claimed(armed.id, armed.head, 0, armed.device));
  TRY_OK(target.note(container::Phase::Resumed, summary_of(failures)));
  TRY_OK(note_failures(target, failures));
  TRY(const auto device, File::open(target.device));
  return container::remove_area_head(*device, target.area);
}

// B has said already that the machine went on.
Result<void> note_returned(const ArmedTarget& armed, const Failures& failures) {
  if (failures.empty()) return {};
  TRY(const auto target, find_claimed(armed.id, armed.head, 0, armed.device));
  return note_failures(target, failures);
}

// What A says of itself at the moment of the jump. A rehearsal has no image that it could go into, and no
// jump to name.
Result<std::vector<std::byte>> records_now(const jump::Device& device, const ArmedTarget& armed,
                                           jump::Wish wish) {
  if (wish == jump::Wish::Rehearse) return jump::pack_records(records_of_this_machine());
  TRY(const auto info, device.info());
  return jump::pack_records(records_of_a(info, armed.id, armed.device));
}

// A machine is not kept from hibernating by what is said of it: the image then has what arm wrote.
std::vector<std::byte> records_to_leave(const Context& context, const jump::Device& device,
                                        const ArmedTarget& armed, jump::Wish wish) {
  auto records = records_now(device, armed, wish);
  if (records) return std::move(*records);
  context.note("the image has the machine's records as they were when it was armed: " +
               records.error().line());
  return {};
}

void note_outcome(const Context& context, const ArmedTarget& armed, jump::Outcome outcome, jump::Wish wish,
                  const Failures& failures) {
  if (outcome != jump::Outcome::Restored && wish == jump::Wish::Rehearse) return;
  const auto noted =
      outcome == jump::Outcome::Restored ? note_resumed(armed, failures) : note_returned(armed, failures);
  if (!noted) context.note("resumed, but the image does not know: " + noted.error().line());
}

// What arm claimed, still where it was.
Result<ArmedTarget> armed_target() {
  const auto recalled = recall_armed();
  if (!recalled)
    return fail(make_error(ErrorKind::Usage, "target", "armed without one", "hibtool arm --target DEV"));
  TRY_OK(check_unmoved(*recalled));
  return *recalled;
}

}  // namespace

void HibernateVerb::add_to(CLI::App& program, CommonOptions& common) {
  app_ = program.add_subcommand(
      "hibernate", "jump into the kernel that arm has loaded, which saves this machine's memory");
  CLI::Option* back =
      app_->add_flag("--return", return_, "come back when the image is saved, instead of powering off");
  app_->add_flag("--rehearse", rehearse_, "come back without saving: shows that this machine can do it")
      ->excludes(back);
  add_common_options(*app_, common);
  app_->footer(
      "Returns when the machine goes on: after --return, after --rehearse, when the image could not be saved "
      "(code 2, with\n"
      "the reason), and when the machine was restored from the image.\n"
      "Devices that did not come back are named; that does not change the code.\n"
      "Examples:\n"
      "  hibtool arm --target /dev/vdb && hibtool hibernate\n"
      "  hibtool arm && hibtool hibernate --rehearse");
}

int HibernateVerb::run(const Context& context) const {
  const auto device = jump::Device::open();
  if (!device) return context.report(device.error());
  const jump::Wish wish = rehearse_ ? jump::Wish::Rehearse
                          : return_ ? jump::Wish::SaveAndReturn
                                    : jump::Wish::SaveAndPowerOff;
  const auto armed = wish == jump::Wish::Rehearse ? Result<ArmedTarget>(ArmedTarget{}) : armed_target();
  if (!armed) return context.report(armed.error());
  const auto result = leave(context, *device, wish, records_to_leave(context, *device, *armed, wish));
  if (!result) return context.report(result.error());
  note_outcome(context, *armed, result->outcome, wish, result->failures);
  if (context.options.json) {
    Json document = json_document("hibernate");
    document["outcome"] = result->outcome == jump::Outcome::Restored ? "restored" : "returned";
    document["suspended_ns"] = result->suspended_ns;
    document["devices"] = json_of(result->failures);
    print_json(context.streams.out, document);
  } else if (!context.options.quiet) {
    context.streams.out << describe(wish, result->outcome) << "\n";
  }
  return kDone;
}

}  // namespace hib::cli
