// Would systemd ask the kernel? logind has rules of its own (src/shared/sleep-config.c, hibernate-util.c).
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/diagnose/preflight/checks.h"

namespace hib::diagnose::checks {
namespace {

using boot::Origin;

constexpr std::uint64_t kPercent = 98;  // HIBERNATION_SWAP_THRESHOLD
constexpr unsigned kFirstNeedsResume = 255;

void check_allowed(Sheet& sheet) {
  const boot::SleepSettings& sleep = sheet.facts.configuration.sleep;
  if (sleep.allow_hibernation == false) {
    Check& check =
        sheet.fails("sleep-settings", Code::Policy, "sleep.conf forbids hibernation: AllowHibernation=no");
    if (sleep.allow_evidence) {
      check.evidence.push_back(*sleep.allow_evidence);
      check.fix.push_back({"take the line out", "", sleep.allow_evidence->source});
    }
  }
  for (const Evidence& unit : sleep.masked_units) {
    const std::string name = unit.source.substr(unit.source.rfind('/') + 1);
    Check& check = sheet.fails("sleep-settings", Code::Policy, fmt::format("the unit {} is masked", name));
    check.evidence.push_back(unit);
    check.fix.push_back({"unmask it", "systemctl unmask " + name, ""});
  }
  if (sleep.allow_hibernation != false && sleep.masked_units.empty())
    sheet.ok("sleep-settings", Code::Policy, "systemd's settings allow hibernation");
}

void check_room(Sheet& sheet) {
  constexpr std::string_view kName = "logind-space";
  const boot::SwapArea* area = image_area(sheet.facts);
  const std::uint64_t active = sheet.facts.configuration.kernel.memory_of("Active(anon)");
  if (area == nullptr || active == 0) return;
  const std::uint64_t free = area->free_bytes();
  // In KiB, as systemd computes.
  if (active / 1024 <= free / 1024 * kPercent / 100) {
    sheet.ok(kName, Code::Policy,
             fmt::format("logind sees enough swap: {} free, {} of active memory", human_bytes(free),
                         human_bytes(active)));
    return;
  }
  Check& check = sheet.fails(kName, Code::Policy,
                             fmt::format("logind refuses: {} of active memory are more than 98 % of the {} "
                                         "free in {}; the kernel itself would try",
                                         human_bytes(active), human_bytes(free), area->name));
  check.evidence.push_back(area->said_by.front());
  check.fix.push_back({"make the swap area larger, or end programs", "", ""});
  check.fix.push_back(
      {"switch the check off for logind and systemd-hibernate: "
       "Environment=SYSTEMD_BYPASS_HIBERNATION_MEMORY_CHECK=1",
       "systemctl edit systemd-logind.service systemd-hibernate.service", ""});
}

void check_opens_file(Sheet& sheet) {
  const boot::SwapArea* area = image_area(sheet.facts);
  if (area == nullptr || !area->is_file) return;
  for (const std::string_view home : {"/home/", "/root/", "/run/user/"}) {
    if (!area->name.starts_with(home)) continue;
    sheet
        .warn("logind-opens-file", Code::Policy,
              fmt::format("{} lies in a folder that logind is kept from, and it may not find the swap file",
                          area->name))
        .fix.push_back({"keep the swap file elsewhere, such as /swapfile or /var/swap", "", ""});
  }
}

// What the running kernel was told on its command line, and did not find: it would have set
// /sys/power/resume otherwise.
const boot::ResumeSetting* unheeded_line(const PreflightFacts& facts) {
  const auto running = facts.configuration.settings_of(Origin::RunningCommandLine);
  return running.empty() || !running.front()->line.resume ? nullptr : running.front();
}

// Since 255: without EFI only what /sys/power/resume names is taken (hibernation_is_safe).
void check_firmware_kind(Sheet& sheet) {
  constexpr std::string_view kName = "logind-method";
  const boot::KernelState& kernel = sheet.facts.configuration.kernel;
  const unsigned version = sheet.facts.configuration.sleep.systemd_version;
  if (kernel.resume != "0:0" || kernel.has_efi == true || (version != 0 && version < kFirstNeedsResume))
    return;
  const boot::ResumeSetting* line = unheeded_line(sheet.facts);
  const std::string where =
      line == nullptr
          ? "and the running kernel was not told where to resume from"
          : fmt::format("and the running kernel did not find the device of resume={}", *line->line.resume);
  if (!kernel.has_efi || version == 0) {
    sheet.unknown(
        kName, Code::Policy,
        fmt::format("whether logind refuses is not known: it does from systemd {} on where there is "
                    "no EFI, {}",
                    kFirstNeedsResume, where));
    return;
  }
  Check& check = sheet.fails(kName, Code::Policy,
                             fmt::format("logind refuses: there is no EFI to keep the place in, {}", where));
  check.evidence.push_back({"/sys/power/resume", std::nullopt, "", std::nullopt, *kernel.resume});
  if (line != nullptr) check.evidence.push_back(line->evidence);
  check.fix = fix_parameters(sheet.facts);
}

void check_method(Sheet& sheet) {
  const boot::KernelState& kernel = sheet.facts.configuration.kernel;
  const bool has_offset = kernel.resume_offset && *kernel.resume_offset != "0";
  if (kernel.resume != "0:0" || !has_offset) return check_firmware_kind(sheet);
  sheet
      .fails("logind-method", Code::Policy,
             fmt::format("logind refuses: resume_offset is {}, and no device is set", *kernel.resume_offset))
      .fix = fix_parameters(sheet.facts);
}

}  // namespace

void check_systemd(Sheet& sheet) {
  if (!sheet.facts.configuration.sleep.has_systemd) return;
  check_allowed(sheet);
  check_method(sheet);
  check_room(sheet);
  check_opens_file(sheet);
}

}  // namespace hib::diagnose::checks
