// Encrypted swap that was not open when the boot could have resumed from it.
#include <algorithm>

#include <fmt/format.h>

#include "lib/diagnose/boot/command_line.h"
#include "lib/diagnose/post_mortem/rules.h"

namespace hib::diagnose {
namespace {

constexpr std::string_view kMapper = "/dev/mapper/";

std::string resume_of(const BootLog& boot) {
  return boot::parse_command_line(boot.command_line).resume.value_or("");
}

// systemd writes "my-swap" as "my\x2dswap" in the name of a unit.
std::string without_escapes(std::string name) {
  constexpr std::string_view kDash = "\\x2d";
  for (std::size_t at = name.find(kDash); at != std::string::npos; at = name.find(kDash, at + 1))
    name.replace(at, kDash.size(), "-");
  return name;
}

// The image's device: the one that resume= names, or that swapon took the signature away from.
bool is_of_image(const std::string& device, const BootLog& boot) {
  const LogEvent* taken = find_event(boot, 0, boot.events.size(), Event::SwapSignatureRewritten);
  return device == resume_of(boot) || (taken != nullptr && device == detail_of(*taken, 0));
}

std::vector<Advice> advise_opening(const Case& facts, const std::string& device) {
  return {{fmt::format("let the initramfs open {}, with a passphrase or a key that it can read: add "
                       "x-initrd.attach to its line (initramfs-tools: initramfs)",
                       device),
           "", "/etc/crypttab"},
          remedies_of(facts).rebuild()};
}

void judge_waiting_for_key(const Case& facts, const BootLog& boot, Findings& findings) {
  const LogEvent* event = find_event(boot, 0, boot.events.size(), Event::DeviceTimedOut);
  if (event == nullptr) return;
  const std::string device = awaited_device(*event, boot);
  if (!is_mapped(device)) return;
  Cause cause = cause_of(Code::SwapLocked, *event, device + " was not opened in time");
  cause.confidence = Confidence::Likely;  // it may have waited for another reason
  cause.advice = advise_opening(facts, device);
  findings.causes.push_back(std::move(cause));
}

// Who has mounted the system's file systems does not resume any more.
void judge_opened_too_late(const Case& facts, const BootLog& boot, Findings& findings) {
  const LogEvent* mounted = mounted_in(boot);
  if (mounted == nullptr) return;
  for (const LogEvent* event = mounted; event != boot.events.data() + boot.events.size(); ++event) {
    if (event->message.event != Event::VolumeOpened) continue;
    const std::string device = std::string(kMapper) + without_escapes(detail_of(*event, 0));
    if (!is_of_image(device, boot)) continue;
    Cause cause = cause_of(
        Code::SwapLocked, *event,
        fmt::format("{} was opened by the system, after {} had been mounted: too late to resume from it",
                    device, detail_of(*mounted, 0)));
    if (!boot.command_line.empty()) cause.evidence.push_back(command_line_of(boot));
    cause.evidence.push_back(evidence_of(mounted->line));
    cause.advice = advise_opening(facts, device);
    findings.causes.push_back(std::move(cause));
    return;
  }
}

}  // namespace

// systemd says "dev-mapper-swap.device - /dev/mapper/swap", initramfs-tools only what it is for.
std::string awaited_device(const LogEvent& timed_out, const BootLog& boot) {
  const std::string device = detail_of(timed_out, 0);
  const std::string named = resume_of(boot);
  if (!named.empty() && device.find("resume") != std::string::npos) return named;
  const std::size_t path = device.find(" - /");
  return path == std::string::npos ? device : device.substr(path + 3);
}

bool is_mapped(std::string_view device) {
  return device.find("mapper") != std::string_view::npos || device.find("dm-") != std::string_view::npos;
}

void judge_locked(const Case& facts, const BootLog& boot, Findings& findings) {
  if (has_begun_to_resume(boot)) return;
  const std::size_t before = findings.causes.size();
  judge_waiting_for_key(facts, boot, findings);
  judge_opened_too_late(facts, boot, findings);
  if (findings.causes.size() > before)
    findings.exonerated.push_back({Code::Damaged, "no kernel has read the image: it was not open"});
}

}  // namespace hib::diagnose
