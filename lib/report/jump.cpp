#include "lib/report/jump.h"

#include <cstdlib>

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/jump/restore/devices.h"
#include "lib/report/processor.h"

namespace hib::report {
namespace {

// How the image will be found by the boot that goes back into it.
std::string resume_command(const jump::JumpTarget& target) {
  const std::string offset =
      target.area.head == 0 ? "" : fmt::format("--offset {} ", target.area.head_page());
  return fmt::format("hibtool resume {}{}", offset, printable(target.device));
}

Json json_of_failures(const std::vector<jump::DeviceFailure>& failures) {
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

// A device that fails in several phases is told once for each.
void add_lines(std::vector<std::string>& lines, const std::vector<jump::DeviceFailure>& failures,
               const char* what) {
  for (const jump::DeviceFailure& failure : failures) {
    lines.push_back(printable(fmt::format("{}{} did not {}: {} in {}", failure.name(),
                                          failure.driver_suffix(), what, failure.error, failure.phase)));
  }
}

}  // namespace

void print_arm(std::ostream& out, const jump::ArmReport& report) {
  const jump::LoadedSaver& saver = report.saver;
  out << fmt::format("armed: {} ({}) and {} of initramfs in the crash region {} to {}\n  modules: {}\n",
                     printable(saver.kernel), printable(saver.release), human_bytes(saver.initramfs_bytes),
                     hex(saver.region.start), hex(saver.region.end()), fmt::join(saver.modules, " "));
  if (report.left) out << "  it has been booted, and stands by\n";
  if (!report.target) return;
  out << fmt::format("  memory will lie on {} in clear, keys of encrypted disks included\n",
                     printable(report.target->path));
  out << "  to go back after power-off: " << resume_command(*report.target) << "\n";
}

Json json_of_arm(const jump::ArmReport& report) {
  const jump::LoadedSaver& saver = report.saver;
  Json document = json_document("arm");
  document["kernel"] = printable(saver.kernel);
  document["release"] = printable(saver.release);
  document["region"] = {{"start", hex(saver.region.start)}, {"bytes", saver.region.bytes}};
  document["initramfs_bytes"] = saver.initramfs_bytes;
  document["modules"] = saver.modules;
  document["command_line"] = printable(saver.command_line);
  document["standby"] = report.left.has_value();
  if (report.target) {
    document["target"] = {{"path", printable(report.target->path)},
                          {"device", printable(report.target->device)},
                          {"offset", report.target->area.head_page()}};
  }
  return document;
}

std::string describe_return(jump::Wish wish, jump::Outcome outcome) {
  switch (outcome) {
    case jump::Outcome::NotLeft: return "the machine was not left";
    case jump::Outcome::Restored: return "resumed from the image";
    case jump::Outcome::Failed: return "the saver failed, and the machine goes on";
    case jump::Outcome::Returned: break;
  }
  switch (wish) {
    case jump::Wish::Rehearse: return "the saver ran and came back";
    case jump::Wish::StandBy: return "the saver stands by";
    case jump::Wish::SaveAndPowerOff: return "the machine was not powered off, and goes on";
    case jump::Wish::SaveAndReturn: break;
  }
  return "the image is saved, and the machine goes on";
}

Json json_of_hibernate(const jump::Left& left) {
  Json document = json_document("hibernate");
  document["outcome"] = left.outcome == jump::Outcome::Restored ? "restored" : "returned";
  document["suspended_ns"] = left.suspended_ns;
  document["devices"] = json_of_failures(left.not_resumed);
  return document;
}

std::vector<std::string> device_notes(const jump::Left& left) {
  std::vector<std::string> lines;
  if (!left.unknown.empty()) lines.push_back("it is not known how the devices came back: " + left.unknown);
  add_lines(lines, left.not_suspended, "suspend");
  add_lines(lines, left.not_resumed, "resume");
  return lines;
}

std::vector<std::string> lines_of(const jump::NotResumed& end, const std::string& image) {
  if (end.refusals.empty() && end.processor.empty()) return {end.error.line()};
  std::vector<std::string> lines;
  for (const jump::ProcessorDifference& difference : end.processor)
    lines.push_back(jump::error_of(difference, image).line());
  for (const device::Refusal& refusal : end.refusals) lines.push_back(jump::error_of(refusal, image).line());
  return lines;
}

Json json_of_not_resumed(const jump::NotResumed& end) {
  Json document = json_document("resume");
  document["nothing_there"] = end.nothing_there;
  const Json error = json_of_error(end.error);
  for (const auto& [name, value] : error.items()) {
    if (!document.contains(name)) document[name] = value;
  }
  document["refusals"] = Json::array();
  for (const device::Refusal& refusal : end.refusals) {
    Json entry = Json::object();
    entry["device"] = printable(refusal.name);
    entry["uses"] = printable(refusal.uses);
    entry["verdict"] = refusal.verdict;
    entry["expected"] = printable(refusal.expected);
    entry["found"] = printable(refusal.found);
    entry["accept"] = printable(refusal.override_token);
    document["refusals"].push_back(std::move(entry));
  }
  document["processor"] = json_of_processor(end.processor);
  return document;
}

}  // namespace hib::report
